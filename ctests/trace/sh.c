/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What stands in for a shell where there is none: says a line, for popen(3) to read. */
#include <unistd.h>

int main(void)
{
	return write(1, "text\n", 5) != 5;
}
