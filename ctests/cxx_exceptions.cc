/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Does a C++ program that links the library still catch what it throws? */
#include <rpledge.h>

#include <cstdio>
#include <cstring>
#include <exception>

/* A frame to unwind through: its destructor runs from a landing pad, which
 * ends in _Unwind_Resume, the name that the archive must keep to itself. */
struct Guard {
	explicit Guard(int *count) : count(count) {}
	~Guard() { ++*count; }
	int *count;
};

struct Failure : std::exception {
	const char *what() const throw() { return rpledge_version(); }
};

static void fail(int depth, int *count)
{
	Guard guard(count);
	if (depth == 0)
		throw Failure();
	fail(depth - 1, count);
}

int main()
{
	int count = 0;

	try {
		fail(3, &count);
	} catch (const std::exception &error) {
		if (count == 4 && std::strcmp(error.what(), rpledge_version()) == 0) {
			std::puts("caught");
			return 0;
		}
	}
	std::puts("caught something else");
	return 1;
}
