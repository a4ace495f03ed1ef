/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The mark that a case makes and a tracer sees: a prctl that no kernel knows. */
#ifndef TRACE_MARK_H
#define TRACE_MARK_H

#include <sys/syscall.h>

#define MARK 0x72504c47UL

/* By hand, so that the mark itself is no libc call. */
static inline void trace_mark(long number, long phase)
{
#if defined __x86_64__
	long result;
	__asm__ volatile("syscall"
	                 : "=a"(result)
	                 : "a"((long)__NR_prctl), "D"(MARK), "S"(number), "d"(phase)
	                 : "rcx", "r11", "memory");
#elif defined __i386__
	long result;
	__asm__ volatile("int $0x80"
	                 : "=a"(result)
	                 : "a"((long)__NR_prctl), "b"(MARK), "c"(number), "d"(phase)
	                 : "memory");
#elif defined __aarch64__
	register long nr __asm__("x8") = __NR_prctl;
	register long a0 __asm__("x0") = MARK;
	register long a1 __asm__("x1") = number;
	register long a2 __asm__("x2") = phase;
	__asm__ volatile("svc 0" : "+r"(a0) : "r"(nr), "r"(a1), "r"(a2) : "memory");
#elif defined __arm__
	register long a0 __asm__("r0") = MARK;
	register long a1 __asm__("r1") = number;
	register long a2 __asm__("r2") = phase;
	long kept;
	/* In Thumb code r7 may be the frame pointer, which cannot be asked for. */
	__asm__ volatile("mov %1, r7\n\tmov r7, %2\n\tsvc 0\n\tmov r7, %1"
	                 : "+r"(a0), "=&r"(kept)
	                 : "r"((long)__NR_prctl), "r"(a1), "r"(a2)
	                 : "memory");
#elif defined __riscv
	register long nr __asm__("a7") = __NR_prctl;
	register long a0 __asm__("a0") = MARK;
	register long a1 __asm__("a1") = number;
	register long a2 __asm__("a2") = phase;
	__asm__ volatile("ecall" : "+r"(a0) : "r"(nr), "r"(a1), "r"(a2) : "memory");
#elif defined __powerpc64__
	register long nr __asm__("r0") = __NR_prctl;
	register long a0 __asm__("r3") = MARK;
	register long a1 __asm__("r4") = number;
	register long a2 __asm__("r5") = phase;
	__asm__ volatile("sc"
	                 : "+r"(nr), "+r"(a0), "+r"(a1), "+r"(a2)
	                 :
	                 : "r6", "r7", "r8", "r9", "r10", "r11", "r12", "cr0", "ctr", "memory");
#elif defined __s390x__
	register long nr __asm__("1") = __NR_prctl;
	register long a0 __asm__("2") = MARK;
	register long a1 __asm__("3") = number;
	register long a2 __asm__("4") = phase;
	__asm__ volatile("svc 0" : "+d"(a0) : "d"(nr), "d"(a1), "d"(a2) : "memory");
#else
#error "the mark of this architecture is not known: write its system call here"
#endif
}

#endif
