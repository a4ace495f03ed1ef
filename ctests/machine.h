/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Programs of a few instructions, as this processor has them, and its number in ELF. */
#ifndef MACHINE_H
#define MACHINE_H

#if defined(__x86_64__) || defined(__i386__)
/* 64-bit code: what runs both runs it. */
#define MACHINE 62
#define EXITS                                \
    0x31, 0xff,             /* xor edi, edi */ \
    0xb8, 0xe7, 0, 0, 0,    /* mov eax, 231 (exit_group) */ \
    0x0f, 0x05, 0, 0, 0     /* syscall */
#define MAKES_SOCKET                         \
    0xbf, 2, 0, 0, 0,       /* mov edi, AF_INET */ \
    0xbe, 1, 0, 0, 0,       /* mov esi, SOCK_STREAM */ \
    0x31, 0xd2,             /* xor edx, edx */ \
    0xb8, 0x29, 0, 0, 0,    /* mov eax, 41 (socket) */ \
    0x0f, 0x05,             /* syscall */    \
    0x89, 0xc7,             /* mov edi, eax */ \
    0xc1, 0xef, 0x1f,       /* shr edi, 31: 1 if it failed */ \
    0xb8, 0xe7, 0, 0, 0,    /* mov eax, 231 (exit_group) */ \
    0x0f, 0x05              /* syscall */
#elif defined(__aarch64__)
#define MACHINE 183
#define EXITS                                \
    0x00, 0x00, 0x80, 0xd2, /* mov x0, 0 */  \
    0xc8, 0x0b, 0x80, 0xd2, /* mov x8, 94 (exit_group) */ \
    0x01, 0x00, 0x00, 0xd4  /* svc 0 */
#define MAKES_SOCKET                         \
    0x40, 0x00, 0x80, 0xd2, /* mov x0, AF_INET */ \
    0x21, 0x00, 0x80, 0xd2, /* mov x1, SOCK_STREAM */ \
    0x02, 0x00, 0x80, 0xd2, /* mov x2, 0 */  \
    0xc8, 0x18, 0x80, 0xd2, /* mov x8, 198 (socket) */ \
    0x01, 0x00, 0x00, 0xd4, /* svc 0 */      \
    0x00, 0xfc, 0x7f, 0xd3, /* lsr x0, x0, 63: 1 if it failed */ \
    0xc8, 0x0b, 0x80, 0xd2, /* mov x8, 94 (exit_group) */ \
    0x01, 0x00, 0x00, 0xd4  /* svc 0 */
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE 243
#define EXITS                                \
    0x13, 0x05, 0x00, 0x00, /* li a0, 0 */   \
    0x93, 0x08, 0xe0, 0x05, /* li a7, 94 (exit_group) */ \
    0x73, 0x00, 0x00, 0x00  /* ecall */
#define MAKES_SOCKET                         \
    0x13, 0x05, 0x20, 0x00, /* li a0, AF_INET */ \
    0x93, 0x05, 0x10, 0x00, /* li a1, SOCK_STREAM */ \
    0x13, 0x06, 0x00, 0x00, /* li a2, 0 */   \
    0x93, 0x08, 0x60, 0x0c, /* li a7, 198 (socket) */ \
    0x73, 0x00, 0x00, 0x00, /* ecall */      \
    0x13, 0x55, 0xf5, 0x03, /* srli a0, a0, 63: 1 if it failed */ \
    0x93, 0x08, 0xe0, 0x05, /* li a7, 94 (exit_group) */ \
    0x73, 0x00, 0x00, 0x00  /* ecall */
#else
#error "nobody has written the programs for this processor"
#endif

#endif
