/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A C++ host program that carries the archive: its exceptions still unwind, also pledged. */
#include "case.h"

#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

int destroyed;

struct Guard {
    ~Guard() { destroyed++; }
};

void throws(int depth)
{
    Guard guard;
    if (depth == 0)
        throw std::runtime_error("deep");
    throws(depth - 1);
}

bool catches(int depth)
{
    destroyed = 0;
    try {
        throws(depth);
    } catch (const std::exception &error) {
        return std::string(error.what()) == "deep" && destroyed == depth + 1;
    }
    return false;
}

bool rethrows()
{
    try {
        try {
            std::vector<int>(3).at(9);
        } catch (...) {
            throw;
        }
    } catch (const std::out_of_range &) {
        return true;
    }
    return false;
}

bool streams()
{
    std::ostringstream out;
    std::map<std::string, int> words;
    words["stdio"] = 1;
    out << words["stdio"] << ' ' << 2.5;
    std::cout << out.str() << std::endl;
    return out.str() == "1 2.5";
}

void *thrown_in_thread(void *arg)
{
    return catches(20) ? arg : NULL;
}

} // namespace

CALL(unpledged, 0, catches(10))
ALLOW(caught, "stdio", catches(10))
ALLOW(caught_deep, "stdio", catches(2000))
ALLOW(rethrown, "stdio", rethrows())
ALLOW(bad_alloc, "stdio", [] {
    try {
        return ::operator new(static_cast<size_t>(1) << 60) == NULL;
    } catch (const std::bad_alloc &) {
        return true;
    }
}())
ALLOW(streams, "stdio", streams())
ALLOWED(in_thread, "stdio")
{
    pthread_t thread;
    void *end;

    PLEDGE();
    TRY(pthread_create(&thread, NULL, thrown_in_thread, &destroyed) == 0);
    TRY(pthread_join(thread, &end) == 0 && end == &destroyed);
}
CALLED(pledged_in_catch, 0)
{
    try {
        throws(3);
    } catch (const std::exception &) {
        TRY(pledge("stdio", NULL) == 0);
    }
    TRY(catches(5));
}
DENIED(thrown_across_violation, "stdio")
{
    PLEDGE();
    try {
        TRY(socket(AF_INET, SOCK_STREAM, 0) >= 0);
    } catch (...) {
        _exit(CASE_UNTRUE);
    }
}
