// SPDX-License-Identifier: MIT OR Apache-2.0
//! The filters of a veil: what Landlock does not look at is refused by its number; or a broker is asked for every path.

use crate::bpf::{AND, DATA_ARCH, DATA_ARGS, DATA_NR, JEQ, JGE, LOAD, RET, RET_ALLOW, RET_ERRNO};
use crate::bpf::{DOOR_DATA, RET_TRAP, RET_USER_NOTIF};
use crate::needs::{self, Befalls, CALLS, MEDIATED, Operand, REFUSALS, Refusal};
use crate::policy::{ANSWERS, QUERY, QUESTIONS};
use crate::sys::Insn;
use crate::table::TABLE;

/// More than the calls of any architecture take.
const INSNS_MAX: usize = 1024;

/// The limit by which a broker knows who asks.
#[allow(clippy::unnecessary_cast)] // C libraries differ in its type.
const LABEL: u32 = libc::RLIMIT_LOCKS as u32;

/// How a broker holds the rules.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mediation {
    /// It is asked for calls that only look, too.
    pub strict: bool,
    /// No Landlock lies below.
    pub alone: bool,
}

impl Mediation {
    /// Is the broker asked for the call of that number, if promises allow it? It
    /// refuses what a filter of a veil alone would.
    pub fn asks(self, nr: u32) -> bool {
        needs::mediated(nr).is_some_and(|told| match told.befalls {
            Befalls::Ask | Befalls::AskOrErrno(_) => true,
            Befalls::Look => self.strict,
            Befalls::Errno(_) | Befalls::Alone(_) => false,
        })
    }

    /// The action on a call, by what the data has for it; none where it is made.
    fn value(self, befalls: Befalls, asked: u32) -> Option<u32> {
        let errno = |errno: i32| Some(RET_ERRNO | errno as u32);
        match befalls {
            Befalls::Ask => Some(asked),
            Befalls::Look => self.strict.then_some(asked),
            Befalls::Errno(wrong) => errno(wrong),
            Befalls::AskOrErrno(wrong) if self.alone => errno(wrong),
            Befalls::AskOrErrno(_) => Some(asked),
            Befalls::Alone(wrong) if self.alone => errno(wrong),
            Befalls::Alone(_) => None,
        }
    }
}

/// The instructions.
pub struct Filter {
    insns: [Insn; INSNS_MAX],
    len: usize,
}

impl Filter {
    /// Where Landlock has that ABI. Calls of a foreign ABI are refused whole:
    /// no number in it means what the data says.
    pub fn new(abi: u32) -> Filter {
        let mut filter = Filter::begin();
        let holds = |refusal: &&Refusal| refusal.below.is_none_or(|below| abi < below);
        for refusal in REFUSALS.iter().filter(holds) {
            filter.on_path(refusal.nr, refusal.path, RET_ERRNO | refusal.errno as u32);
        }
        let is_refused = |nr| REFUSALS.iter().filter(holds).any(|r| r.nr == nr);
        // Where Landlock does not see that one, open(2) cuts files whatever the rules are.
        if is_refused(libc::SYS_truncate as u32) {
            for call in CALLS.iter().filter(|call| !is_refused(call.nr)) {
                let flags = call.operands.first().and_then(Operand::open_flags);
                if let Some(flags) = flags {
                    filter.refuse_to_cut(call.nr, flags);
                }
            }
        }
        filter.push(RET, RET_ALLOW, 0, 0);
        filter
    }

    /// The first filter of a process, to whose listener a broker listens: it
    /// answers for the library like one of promises.
    pub fn listened(mediation: Mediation, answers: &[u16; ANSWERS]) -> Filter {
        let mut filter = Filter::begin();
        filter.answer(answers);
        filter.keep_label();
        filter.mediate(mediation, RET_USER_NOTIF);
        filter
    }

    /// One on top of that of a broker: the handler of violations asks it.
    pub fn by_door(mediation: Mediation) -> Filter {
        let mut filter = Filter::begin();
        filter.mediate(mediation, RET_TRAP | u32::from(DOOR_DATA));
        filter
    }

    fn begin() -> Filter {
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
        filter
    }

    fn mediate(&mut self, mediation: Mediation, asked: u32) {
        for call in MEDIATED {
            if let Some(value) = mediation.value(call.befalls, asked) {
                self.on_path(call.nr, call.path, value);
            }
        }
        self.push(RET, RET_ALLOW, 0, 0);
    }

    /// What the library asks of a filter, and of a broker.
    fn answer(&mut self, answers: &[u16; ANSWERS]) {
        let more = 2 * (ANSWERS + QUESTIONS.len()) as u8;
        self.push(JEQ, libc::SYS_prctl as u32, 0, more + 4);
        self.push(LOAD, low(0), 0, 0);
        self.push(JEQ, QUERY, 0, more + 1);
        self.push(LOAD, low(1), 0, 0);
        for (n, answer) in answers.iter().enumerate() {
            self.push(JEQ, n as u32, 0, 1);
            self.push(RET, RET_ERRNO | u32::from(*answer), 0, 0);
        }
        for question in QUESTIONS {
            self.push(JEQ, question, 0, 1);
            self.push(RET, RET_USER_NOTIF, 0, 0);
        }
        self.push(RET, RET_ALLOW, 0, 0);
    }

    /// RLIMIT_LOCKS is the label by which a broker knows who asks.
    fn keep_label(&mut self) {
        let refused = RET_ERRNO | libc::EPERM as u32;
        let (set, change) = (libc::SYS_setrlimit as u32, libc::SYS_prlimit64 as u32);
        self.push(JEQ, set, 0, 4);
        self.push(LOAD, low(0), 0, 0);
        self.push(JEQ, LABEL, 0, 1);
        self.push(RET, refused, 0, 0);
        self.push(RET, RET_ALLOW, 0, 0);
        self.push(JEQ, change, 0, 8);
        self.push(LOAD, low(1), 0, 0);
        self.push(JEQ, LABEL, 0, 5);
        self.push(LOAD, low(2), 0, 0);
        self.push(JEQ, 0, 0, 2);
        self.push(LOAD, high(2), 0, 0);
        self.push(JEQ, 0, 1, 0);
        self.push(RET, refused, 0, 0);
        self.push(RET, RET_ALLOW, 0, 0);
    }

    /// What befalls a call; if it has a path, only with one: without it is
    /// about a descriptor, as futimens(3) is.
    fn on_path(&mut self, nr: u32, path: Option<u8>, value: u32) {
        let Some(path) = path else {
            self.push(JEQ, nr, 0, 1);
            return self.push(RET, value, 0, 0);
        };
        self.push(JEQ, nr, 0, 6);
        self.push(LOAD, low(path), 0, 0);
        self.push(JEQ, 0, 0, 2);
        self.push(LOAD, high(path), 0, 0);
        self.push(JEQ, 0, 1, 0);
        self.push(RET, value, 0, 0);
        self.push(RET, RET_ALLOW, 0, 0);
    }

    /// Who opens a file to write to it needs w already; it is cut for others, too.
    fn refuse_to_cut(&mut self, nr: u32, flags: u8) {
        let (cuts, mode) = (libc::O_TRUNC as u32, libc::O_ACCMODE as u32);
        self.push(JEQ, nr, 0, 6);
        self.push(LOAD, low(flags), 0, 0);
        self.push(AND, cuts | mode, 0, 0);
        self.push(JEQ, cuts | libc::O_RDONLY as u32, 1, 0);
        // Neither to read nor to write: for ioctl(2) alone.
        self.push(JEQ, cuts | mode, 0, 1);
        self.push(RET, RET_ERRNO | libc::EACCES as u32, 0, 0);
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

/// Where the halves of an argument lie.
fn low(arg: u8) -> u32 {
    DATA_ARGS + 8 * u32::from(arg) + if TABLE.big_endian { 4 } else { 0 }
}

fn high(arg: u8) -> u32 {
    DATA_ARGS + 8 * u32::from(arg) + if TABLE.big_endian { 0 } else { 4 }
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

    /// Landlock that does not see files cut sees them opened to be written to.
    #[test]
    fn who_only_reads_cuts_nothing() {
        let opens = |abi, flags: i32| {
            let args = [1, 1, flags as u64, 0, 0, 0];
            result(abi, libc::SYS_openat as u32, TABLE.audit, args)
        };
        let refused = RET_ERRNO | libc::EACCES as u32;
        for mode in [libc::O_RDONLY, libc::O_ACCMODE] {
            assert_eq!(opens(2, libc::O_TRUNC | mode), refused);
            assert_eq!(opens(2, mode), RET_ALLOW);
            assert_eq!(opens(3, libc::O_TRUNC | mode), RET_ALLOW);
        }
        for mode in [libc::O_WRONLY, libc::O_RDWR] {
            assert_eq!(opens(2, libc::O_TRUNC | mode), RET_ALLOW);
        }
        // Its flags lie in memory.
        let openat2 = |abi| result(abi, libc::SYS_openat2 as u32, TABLE.audit, [1; 6]);
        assert_eq!(openat2(2), RET_ERRNO | libc::ENOSYS as u32);
        assert_eq!(openat2(3), RET_ALLOW);
    }

    fn listened(mediation: Mediation, nr: u32, args: [u64; 6]) -> u32 {
        let data = Data {
            nr,
            arch: TABLE.audit,
            ip: 0,
            args,
        };
        let filter = Filter::listened(mediation, &[7; ANSWERS]);
        sim::run(filter.insns(), TABLE.big_endian, &data)
            .expect("a filter")
            .0
    }

    /// No call that takes a path is made unless the broker says so, or it looks only.
    #[test]
    fn every_path_is_mediated() {
        for strict in [false, true] {
            for alone in [false, true] {
                let mediation = Mediation { strict, alone };
                for call in crate::needs::CALLS {
                    let told = MEDIATED.iter().find(|told| told.nr == call.nr);
                    let result = listened(mediation, call.nr, [1 << 32; 6]);
                    match told.map(|told| told.befalls) {
                        None => assert!(call.operands.is_empty(), "{}", call.nr),
                        Some(Befalls::Look) if !strict => assert_eq!(result, RET_ALLOW),
                        Some(Befalls::Errno(errno)) => {
                            assert_eq!(result, RET_ERRNO | errno as u32);
                        }
                        Some(Befalls::AskOrErrno(errno)) if alone => {
                            assert_eq!(result, RET_ERRNO | errno as u32);
                        }
                        Some(Befalls::Alone(_)) => panic!("{}", call.nr),
                        Some(_) => assert_eq!(result, RET_USER_NOTIF, "{}", call.nr),
                    }
                }
            }
        }
    }

    /// Below a promise, too, nothing is executed unless Landlock or the broker looks.
    #[test]
    fn who_executes_is_judged() {
        for alone in [false, true] {
            let mediation = Mediation {
                strict: false,
                alone,
            };
            for nr in [libc::SYS_execve, libc::SYS_execveat, libc::SYS_openat] {
                assert!(mediation.asks(nr as u32));
            }
            assert!(!mediation.asks(libc::SYS_newfstatat as u32));
        }
    }

    #[test]
    fn the_library_is_answered_and_the_label_kept() {
        let mediation = Mediation {
            strict: false,
            alone: false,
        };
        let asks = |n| {
            listened(
                mediation,
                libc::SYS_prctl as u32,
                [QUERY.into(), n, 0, 0, 0, 0],
            )
        };
        assert_eq!(asks(0), RET_ERRNO | 7);
        assert_eq!(asks(ANSWERS as u64 - 1), RET_ERRNO | 7);
        assert_eq!(asks(ANSWERS as u64), RET_ALLOW);
        assert!(
            QUESTIONS
                .iter()
                .all(|n| asks((*n).into()) == RET_USER_NOTIF)
        );
        let name = [libc::PR_SET_NAME as u64, 0, 0, 0, 0, 0];
        assert_eq!(listened(mediation, libc::SYS_prctl as u32, name), RET_ALLOW);
        let locks = libc::RLIMIT_LOCKS as u64;
        let limit = |nr: libc::c_long, args| listened(mediation, nr as u32, args);
        let refused = RET_ERRNO | libc::EPERM as u32;
        assert_eq!(limit(libc::SYS_setrlimit, [locks, 8, 0, 0, 0, 0]), refused);
        assert_eq!(
            limit(libc::SYS_setrlimit, [locks + 1, 8, 0, 0, 0, 0]),
            RET_ALLOW
        );
        assert_eq!(
            limit(libc::SYS_prlimit64, [0, locks, 1 << 32, 0, 0, 0]),
            refused
        );
        assert_eq!(limit(libc::SYS_prlimit64, [0, locks, 8, 0, 0, 0]), refused);
        assert_eq!(
            limit(libc::SYS_prlimit64, [0, locks, 0, 8, 0, 0]),
            RET_ALLOW
        );
        assert_eq!(
            limit(libc::SYS_prlimit64, [0, locks + 1, 8, 0, 0, 0]),
            RET_ALLOW
        );
    }

    #[test]
    fn a_foreign_abi_is_refused_whole() {
        let refused = RET_ERRNO | libc::ENOSYS as u32;
        assert_eq!(result(7, 0, TABLE.audit ^ 1, [0; 6]), refused);
        assert_eq!(result(7, TABLE.foreign_from, TABLE.audit, [0; 6]), refused);
    }
}
