// SPDX-License-Identifier: MIT OR Apache-2.0
//! The filter of a veil: it refuses by number what changes files by name and Landlock does not look at.

use crate::bpf::{DATA_ARCH, DATA_ARGS, DATA_NR, Insn, JEQ, JGE, LOAD, RET, RET_ALLOW, RET_ERRNO};
use crate::needs::{REFUSALS, Refusal};
use crate::table::TABLE;

/// More than the refusals of any architecture take.
const INSNS_MAX: usize = 256;

/// The instructions.
pub struct Filter {
    insns: [Insn; INSNS_MAX],
    len: usize,
}

impl Filter {
    /// Where Landlock has that ABI. Calls of a foreign ABI are refused whole:
    /// no number in it means what the data says.
    pub fn new(abi: u32) -> Filter {
        let mut filter = Filter {
            insns: [Insn::default(); INSNS_MAX],
            len: 0,
        };
        let foreign = RET_ERRNO | libc::ENOSYS as u32;
        filter.push(LOAD, DATA_ARCH, 0, 0);
        filter.push(JEQ, TABLE.audit, 1, 0);
        filter.push(RET, foreign, 0, 0);
        filter.push(LOAD, DATA_NR, 0, 0);
        filter.push(JGE, TABLE.foreign_from, 0, 1);
        filter.push(RET, foreign, 0, 0);
        let holds = |refusal: &&Refusal| refusal.below.is_none_or(|below| abi < below);
        for refusal in REFUSALS.iter().filter(holds) {
            filter.refuse(refusal);
        }
        filter.push(RET, RET_ALLOW, 0, 0);
        filter
    }

    fn refuse(&mut self, refusal: &Refusal) {
        let errno = RET_ERRNO | refusal.errno as u32;
        let Some(path) = refusal.path else {
            self.push(JEQ, refusal.nr, 0, 1);
            return self.push(RET, errno, 0, 0);
        };
        // Without a name it is about a descriptor, as futimens(3) is.
        let at = DATA_ARGS + 8 * u32::from(path);
        self.push(JEQ, refusal.nr, 0, 6);
        self.push(LOAD, at, 0, 0);
        self.push(JEQ, 0, 0, 2);
        self.push(LOAD, at + 4, 0, 0);
        self.push(JEQ, 0, 1, 0);
        self.push(RET, errno, 0, 0);
        self.push(RET, RET_ALLOW, 0, 0);
    }

    fn push(&mut self, code: u16, k: u32, jt: u8, jf: u8) {
        self.insns[self.len] = Insn { code, jt, jf, k };
        self.len += 1;
    }

    pub fn insns(&self) -> &[Insn] {
        &self.insns[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{self, Data};

    fn result(abi: u32, nr: u32, arch: u32, args: [u64; 6]) -> u32 {
        let data = Data {
            nr,
            arch,
            ip: 0,
            args,
        };
        let filter = Filter::new(abi);
        sim::run(filter.insns(), TABLE.big_endian, &data)
            .expect("a filter")
            .0
    }

    #[test]
    fn every_call_is_refused_or_left_alone() {
        let errno = |errno: i32| RET_ERRNO | errno as u32;
        for call in TABLE.calls {
            for abi in [1, 2, 3, 7] {
                let named = result(abi, call.nr, TABLE.audit, [1 << 32; 6]);
                let nameless = result(abi, call.nr, TABLE.audit, [0; 6]);
                let refusal = REFUSALS.iter().find(|r| r.nr == call.nr);
                let refusal = refusal.filter(|r| r.below.is_none_or(|below| abi < below));
                let wanted = refusal.map_or(RET_ALLOW, |r| errno(r.errno));
                assert_eq!(named, wanted, "{}", call.name);
                let is_free = refusal.is_none_or(|r| r.path.is_some());
                let wanted = if is_free { RET_ALLOW } else { wanted };
                assert_eq!(nameless, wanted, "{}", call.name);
            }
        }
    }

    /// What Cosmopolitan lets through, by its name.
    #[test]
    fn what_changes_files_by_name_is_refused() {
        for nr in [
            libc::SYS_fchmodat,
            libc::SYS_fchownat,
            libc::SYS_utimensat,
            libc::SYS_setxattr,
            libc::SYS_lremovexattr,
        ] {
            let refused = RET_ERRNO | libc::EACCES as u32;
            assert_eq!(result(7, nr as u32, TABLE.audit, [1; 6]), refused);
        }
        let truncate = libc::SYS_truncate as u32;
        assert_ne!(result(2, truncate, TABLE.audit, [1; 6]), RET_ALLOW);
        assert_eq!(result(3, truncate, TABLE.audit, [1; 6]), RET_ALLOW);
    }

    #[test]
    fn a_foreign_abi_is_refused_whole() {
        let refused = RET_ERRNO | libc::ENOSYS as u32;
        assert_eq!(result(7, 0, TABLE.audit ^ 1, [0; 6]), refused);
        assert_eq!(result(7, TABLE.foreign_from, TABLE.audit, [0; 6]), refused);
    }
}
