// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the launcher must know of x86-64: registers, instructions, the calling convention.

use std::ffi::c_long;

pub type Registers = libc::user_regs_struct;

/// Bytes below the stack pointer that belong to the function that runs.
pub const RED_ZONE: u64 = 128;

/// A system call instruction; also one when it lies inside another one.
pub const SYSCALL: [u8; 2] = [0x0f, 0x05];

/// `e_machine` of the programs that can be run.
pub const ELF_MACHINE: u16 = 62;

/// `AUDIT_ARCH_X86_64` of <linux/audit.h>: 64-bit calls, x32 ones included.
pub const AUDIT_ARCH: u32 = 0xc000_003e;

/// Longest instruction.
pub const LONGEST: usize = 15;

/// The segment of 64-bit code.
const CODE_64: u64 = 0x33;

pub fn is_native(registers: &Registers) -> bool {
    registers.cs == CODE_64
}

pub fn pc(registers: &Registers) -> u64 {
    registers.rip
}

pub fn set_pc(registers: &mut Registers, address: u64) {
    registers.rip = address;
}

pub fn sp(registers: &Registers) -> u64 {
    registers.rsp
}

/// First three arguments of the function about to be called.
pub fn arguments(registers: &Registers) -> [u64; 3] {
    [registers.rdi, registers.rsi, registers.rdx]
}

/// Arguments of a system call at its stop.
pub fn call_arguments(registers: &Registers) -> [u64; 6] {
    let r = registers;
    [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9]
}

/// The word with its lowest byte made a breakpoint.
pub fn with_breakpoint(word: u64) -> u64 {
    word & !0xff | 0xcc
}

/// The address of the breakpoint that a stop came from.
pub fn breakpoint_address(registers: &Registers) -> u64 {
    registers.rip.wrapping_sub(1)
}

/// Registers that make the call when the instruction at `site` is executed.
pub fn calling(registers: &Registers, site: u64, number: c_long, arguments: [u64; 6]) -> Registers {
    let mut r = *registers;
    r.rip = site;
    r.rax = number as u64;
    // Else the kernel takes the stop for an interrupted call and restarts it.
    r.orig_rax = u64::MAX;
    [r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9] = arguments;
    r
}

/// Let the call that the registers come from have failed.
pub fn set_failed(registers: &mut Registers, errno: u16) {
    registers.rax = (-i64::from(errno)) as u64;
    // No call to restart.
    registers.orig_rax = u64::MAX;
}

/// Make the call that the registers come from once more.
pub fn set_again(registers: &mut Registers, number: u32) {
    registers.rip = registers.rip.wrapping_sub(SYSCALL.len() as u64);
    registers.rax = u64::from(number);
    registers.orig_rax = u64::MAX;
}

/// Whether a thread is right behind a call of that number that was not made:
/// ENOSYS, or interrupted in the kernel (ERESTARTSYS).
pub fn was_not_served(registers: &Registers, number: u32) -> bool {
    const ERESTARTSYS: i64 = 512;
    let value = registers.rax as i64;
    let is_refused = value == -i64::from(libc::ENOSYS) || value == -ERESTARTSYS;
    is_refused && registers.orig_rax == u64::from(number)
}

/// What the call returned: a value or an errno.
pub fn result(registers: &Registers) -> Result<u64, i32> {
    let value = registers.rax as i64;
    if (-4095..0).contains(&value) {
        Err(-value as i32)
    } else {
        Ok(value as u64)
    }
}

fn without_prefixes(code: &[u8]) -> &[u8] {
    let prefixes = code
        .iter()
        .take_while(|byte| matches!(byte, 0x26 | 0x2e | 0x36 | 0x3e | 0x40..=0x4f | 0x64..=0x67 | 0xf2 | 0xf3))
        .count();
    &code[prefixes..]
}

/// Whether the instruction leaves for another function: call, or jmp as the
/// last act of one.
pub fn leaves(code: &[u8]) -> bool {
    match without_prefixes(code) {
        [0xe8 | 0xe9 | 0xeb, ..] => true,
        [0xff, modrm, ..] => matches!(modrm >> 3 & 7, 2 | 4),
        _ => false,
    }
}

/// Whether the instruction enters the kernel: syscall, sysenter, int 0x80.
pub fn enters_kernel(code: &[u8]) -> bool {
    matches!(
        without_prefixes(code),
        [0x0f, 0x05 | 0x34, ..] | [0xcd, 0x80, ..]
    )
}

/// Whether a call instruction ends where `code` ends.
pub fn ends_with_call(code: &[u8]) -> bool {
    let tail = |length: usize| code.len().checked_sub(length).map(|at| &code[at..]);
    matches!(tail(5), Some([0xe8, ..]))
        || [2, 3, 4, 6, 7]
            .into_iter()
            .any(|length| matches!(tail(length), Some([0xff, modrm, ..]) if modrm >> 3 & 7 == 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_told_apart() {
        assert!(leaves(&[0xe8, 0, 0, 0, 0]));
        assert!(
            leaves(&[0x67, 0xe8, 0, 0, 0, 0]),
            "static glibc's addr32 call"
        );
        assert!(leaves(&[0xff, 0x15, 0, 0, 0, 0]), "call through the GOT");
        assert!(leaves(&[0x41, 0xff, 0xe4]), "jmp *%r12");
        assert!(!leaves(&[0xff, 0x35, 0, 0, 0, 0]), "push");
        assert!(!leaves(&[0x31, 0xed]), "xor");
        assert!(!leaves(&[]));
        assert!(enters_kernel(&SYSCALL));
        assert!(!enters_kernel(&[0x0f, 0x1f]));
    }

    #[test]
    fn return_addresses_follow_calls() {
        assert!(ends_with_call(&[0x90, 0x90, 0xe8, 1, 2, 3, 4]));
        assert!(ends_with_call(&[0xff, 0xd0]));
        assert!(ends_with_call(&[0xff, 0x15, 1, 2, 3, 4]));
        assert!(!ends_with_call(&[0x90; 7]));
        assert!(!ends_with_call(&[]));
    }

    #[test]
    fn results_are_values_or_errnos() {
        let mut registers = calling(&zero(), 0x1000, 39, [1, 2, 3, 4, 5, 6]);
        assert_eq!(pc(&registers), 0x1000);
        assert_eq!(call_arguments(&registers), [1, 2, 3, 4, 5, 6]);
        registers.rax = (-1i64) as u64;
        assert_eq!(result(&registers), Err(1));
        registers.rax = 0xffff_ffff_ffff_f000;
        assert_eq!(result(&registers), Ok(0xffff_ffff_ffff_f000));
    }

    fn zero() -> Registers {
        Registers {
            r15: 0,
            r14: 0,
            r13: 0,
            r12: 0,
            rbp: 0,
            rbx: 0,
            r11: 0,
            r10: 0,
            r9: 0,
            r8: 0,
            rax: 0,
            rcx: 0,
            rdx: 0,
            rsi: 0,
            rdi: 0,
            orig_rax: 0,
            rip: 0,
            cs: 0,
            eflags: 0,
            rsp: 0,
            ss: 0,
            fs_base: 0,
            gs_base: 0,
            ds: 0,
            es: 0,
            fs: 0,
            gs: 0,
        }
    }
}
