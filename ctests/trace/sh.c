/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What stands in for a shell where there is none: reads to the end what popen(3) writes, says a line for it to read. */
#include <unistd.h>

int main(void)
{
	char byte;
	while (read(0, &byte, 1) > 0)
		;
	return write(1, "text\n", 5) != 5;
}
