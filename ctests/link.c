/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* A program that asks which interfaces there are, under inet: it has a broker for that. */
#include "case.h"

#include <ifaddrs.h>
#include <net/if.h>

static void as_user(void)
{
    NEED_ROOT();
    MUST(setgid(65534) == 0 && setuid(65534) == 0);
}

ALLOWED(addresses, "stdio inet")
{
    struct ifaddrs *list;

    as_user();
    PLEDGE();
    TRY(getifaddrs(&list) == 0 && list != NULL);
    freeifaddrs(list);
}

ALLOWED(names, "stdio inet")
{
    struct if_nameindex *list;

    as_user();
    PLEDGE();
    TRY((list = if_nameindex()) != NULL && list->if_index != 0);
    if_freenameindex(list);
}

/* Also once something was given up. */
ALLOWED(addresses_later, "stdio inet")
{
    struct ifaddrs *list;

    as_user();
    if (case_is_pledged)
        MUST(pledge("stdio rpath inet", NULL) == 0);
    PLEDGE();
    TRY(getifaddrs(&list) == 0 && list != NULL);
}

/* Who could change them is given nothing to do so by, and lives. */
REFUSED(addresses_of_root, "stdio inet")
{
    struct ifaddrs *list;

    NEED_ROOT();
    PLEDGE();
    TRY(getifaddrs(&list) == 0);
}

/* It takes no other family along. */
DENY(family_beside, "stdio inet", socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
REFUSE(family_of_names, "stdio rpath inet", socket(AF_UNIX, SOCK_STREAM, 0) >= 0)
DENY(netfilter_beside, "stdio inet", socket(AF_NETLINK, SOCK_RAW, 12) >= 0)
