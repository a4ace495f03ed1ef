// SPDX-License-Identifier: MIT OR Apache-2.0
//! What differs by architecture: entering the kernel, a handler's registers, how calls look, thread-local storage.
//!
//! A file each, with one interface:
//!
//! - `syscall`: the instruction that enters the kernel
//! - `Context`: what the kernel gives a handler, up to where it matters; its
//!   `registers`, and `answer`, which sets what the trapped call returns
//! - `RESTORER_FLAG`, `Restorer`, `restorer`, `NO_RESTORER`: where a handler
//!   returns to, if the kernel wants to be told
//! - `PAGE`: how large a page is, if that is known
//! - `CALL_BYTES`, `ends_with_call`: code before a return address
//! - `bare`: a return address as it lies on a stack, without a signature
//! - `last`: the address of this thread's `rpledge_last` (src/sys/tls.rs)
//! - `FSTAT`, `MMAP`, ...: calls that go by other numbers, or differ in what
//!   they take, though the kernel has them everywhere
//! - `STACK_WORDS`: how far up the stack a return address into the libc may lie
//! - `SOCKETCALL`, `SOCKET_CALLS`: the call behind which others hide, and those

#[cfg_attr(target_arch = "x86_64", path = "arch/x86_64.rs")]
#[cfg_attr(target_arch = "x86", path = "arch/x86.rs")]
#[cfg_attr(target_arch = "aarch64", path = "arch/aarch64.rs")]
#[cfg_attr(target_arch = "riscv64", path = "arch/riscv64.rs")]
mod imp;

pub use imp::*;

/// The registers that a handler interrupted.
#[derive(Clone, Copy, Debug)]
pub struct Registers {
    pub stack: usize,
    /// The instruction behind the call.
    pub at: usize,
    /// Where the function at work returns to, if it has not put that on the stack.
    pub link: usize,
    pub args: [u64; 6],
    /// The signals that were blocked.
    pub mask: u64,
}

/// `stack_t`, which lies before what matters in a `Context`.
#[repr(C)]
pub struct Stack {
    _base: usize,
    _flags: i32,
    _size: usize,
}

/// The calls and structures that 64-bit architectures have in common.
#[cfg(target_pointer_width = "64")]
mod width {
    pub const FCNTL: libc::c_long = libc::SYS_fcntl;
    pub const FSTAT: libc::c_long = libc::SYS_fstat;
    pub const FSTATAT: libc::c_long = libc::SYS_newfstatat;
    pub const FSTATFS: libc::c_long = libc::SYS_fstatfs;
    pub const GETGID: libc::c_long = libc::SYS_getgid;
    pub const GETGROUPS: libc::c_long = libc::SYS_getgroups;
    pub const GETUID: libc::c_long = libc::SYS_getuid;
    pub const SETFSGID: libc::c_long = libc::SYS_setfsgid;
    pub const SETFSUID: libc::c_long = libc::SYS_setfsuid;
    pub const SETGROUPS: libc::c_long = libc::SYS_setgroups;
    pub const SETRESGID: libc::c_long = libc::SYS_setresgid;
    pub const SETRESUID: libc::c_long = libc::SYS_setresuid;
    pub const GETEGID: libc::c_long = libc::SYS_getegid;
    pub const GETEUID: libc::c_long = libc::SYS_geteuid;
    pub const MMAP: libc::c_long = libc::SYS_mmap;
    pub const RECVMMSG: [libc::c_long; 1] = [libc::SYS_recvmmsg];
    pub type Stat = libc::stat;

    /// The ELF of the architecture.
    pub mod elf {
        pub use libc::{Elf64_Ehdr as Header, Elf64_Phdr as Segment};
        pub use libc::{Elf64_Shdr as Section, Elf64_Sym as Symbol};
    }
}

/// Those of 32-bit ones.
#[cfg(target_pointer_width = "32")]
mod width {
    pub const FCNTL: libc::c_long = libc::SYS_fcntl64;
    pub const FSTAT: libc::c_long = libc::SYS_fstat64;
    pub const FSTATAT: libc::c_long = libc::SYS_fstatat64;
    pub const FSTATFS: libc::c_long = libc::SYS_fstatfs64;
    pub const GETGID: libc::c_long = libc::SYS_getgid32;
    pub const GETGROUPS: libc::c_long = libc::SYS_getgroups32;
    pub const GETUID: libc::c_long = libc::SYS_getuid32;
    pub const SETFSGID: libc::c_long = libc::SYS_setfsgid32;
    pub const SETFSUID: libc::c_long = libc::SYS_setfsuid32;
    pub const SETGROUPS: libc::c_long = libc::SYS_setgroups32;
    pub const SETRESGID: libc::c_long = libc::SYS_setresgid32;
    pub const SETRESUID: libc::c_long = libc::SYS_setresuid32;
    pub const GETEGID: libc::c_long = libc::SYS_getegid32;
    pub const GETEUID: libc::c_long = libc::SYS_geteuid32;
    pub const MMAP: libc::c_long = libc::SYS_mmap2;
    /// With the time of 32 bits, and with that of 64, which the libc crate lacks.
    pub const RECVMMSG: [libc::c_long; 2] = [libc::SYS_recvmmsg, 417];
    pub type Stat = libc::stat64;

    pub mod elf {
        pub use libc::{Elf32_Ehdr as Header, Elf32_Phdr as Segment};
        pub use libc::{Elf32_Shdr as Section, Elf32_Sym as Symbol};
    }
}

pub use width::*;
