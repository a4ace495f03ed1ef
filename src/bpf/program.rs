// SPDX-License-Identifier: MIT OR Apache-2.0
//! Instructions in a row, and jumps that are aimed once their end is known.

pub use crate::sys::Insn;

/// Half of what the kernel takes (BPF_MAXINSNS), and more than any promises
/// need: a program may have to lie on a small thread's stack.
pub const INSNS_MAX: usize = 2048;

/// The filter is longer than [`INSNS_MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooLong;

/// Instructions, in a place that needs no allocation: pledge() may be called
/// where malloc's own system calls are already forbidden.
#[repr(C)]
pub struct Program {
    pub(super) len: usize,
    pub(super) insns: [Insn; INSNS_MAX],
}

impl Program {
    /// No instruction yet.
    pub const fn new() -> Program {
        Program {
            insns: [Insn {
                code: 0,
                jt: 0,
                jf: 0,
                k: 0,
            }; INSNS_MAX],
            len: 0,
        }
    }

    /// The instructions.
    pub fn insns(&self) -> &[Insn] {
        &self.insns[..self.len]
    }

    pub(super) fn push(&mut self, code: u16, k: u32) -> Result<usize, TooLong> {
        let at = self.len;
        *self.insns.get_mut(at).ok_or(TooLong)? = Insn {
            code,
            jt: 0,
            jf: 0,
            k,
        };
        self.len += 1;
        Ok(at)
    }

    /// How many instructions lie between `at` and the end.
    fn beyond(&self, at: usize) -> usize {
        self.len - at - 1
    }

    fn short(&self, at: usize) -> Result<u8, TooLong> {
        u8::try_from(self.beyond(at)).map_err(|_| TooLong)
    }

    /// Let the instruction at `at` go on at the end if its test holds.
    pub(super) fn if_true(&mut self, at: usize) -> Result<(), TooLong> {
        self.insns[at].jt = self.short(at)?;
        Ok(())
    }

    /// Let the instruction at `at` go on at the end if its test fails.
    pub(super) fn if_false(&mut self, at: usize) -> Result<(), TooLong> {
        self.insns[at].jf = self.short(at)?;
        Ok(())
    }

    /// Let the jump at `at` go on at the end.
    pub(super) fn jump_here(&mut self, at: usize) {
        self.insns[at].k = self.beyond(at) as u32;
    }
}

impl Default for Program {
    fn default() -> Program {
        Program::new()
    }
}
