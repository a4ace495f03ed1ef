// SPDX-License-Identifier: MIT OR Apache-2.0
//! What those who ask hold: states by number, and the label of a process that names its own.
//!
//! Filters and promises are inherited by fork(2), and a broker may neither
//! trust memory nor guess whose child asks. RLIMIT_LOCKS is inherited by
//! fork(2) and execve(2), enforced by no kernel since 2.4, and readable for
//! another process: its soft value is the label. A process sets its first one
//! itself, before its filter, which lets nobody change it; later ones are the
//! broker's.

use core::sync::atomic::{AtomicU64, Ordering};

use crate::policy::{self, Mode};
use crate::promise::{Promise, Set};
use crate::sys::process::{self, Limit, Status};
use crate::sys::{Errno, MARK};

/// Beside execpromises that were given.
const GIVEN: u64 = 1 << 63;

/// What one who asks holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    pub promises: Set,
    pub exec: Option<Set>,
    pub mode: Mode,
    /// Is it of a program that was executed since, and has not promised anything?
    pub is_executed: bool,
    /// Has it promised nothing but what a program holds that it executes?
    pub is_unbound: bool,
    /// Do perhaps not all threads of the process hold so little?
    pub is_of_thread: bool,
    /// The number of the rules that hold for its paths; 0: none.
    pub veil: u8,
}

/// In place of a number of rules: some are about to be told.
pub const AWAITED: u8 = u8::MAX;

/// In the third word: it was executed.
const EXECUTED: u64 = 1 << 8;
/// Likewise: it has promised nothing itself.
const UNBOUND: u64 = 1 << 9;
/// Of a thread alone.
const THREAD: u64 = 1 << 10;
const MODE: u64 = 0xff;
/// Where the rules for paths stand in it.
const VEIL: u32 = 16;
/// What one answer can hold beside an errno, everywhere.
const PART: u32 = 24;
/// Parts of a word.
const PARTS: usize = 3;

impl State {
    /// Of this nothing is served.
    const NOTHING: State = State {
        promises: Set::EMPTY,
        exec: Some(Set::EMPTY),
        mode: Mode::Abort,
        is_executed: false,
        is_unbound: false,
        is_of_thread: false,
        veil: 0,
    };

    /// Of who has promised nothing.
    pub fn free() -> State {
        State {
            promises: State::all(),
            exec: None,
            is_executed: true,
            ..State::NOTHING
        }
    }

    /// Of who has promised for what it executes alone.
    pub fn unbound(exec: Option<Set>, mode: Mode) -> State {
        State {
            promises: State::all(),
            exec,
            mode,
            is_unbound: true,
            ..State::NOTHING
        }
    }

    /// Every promise there is, and who holds it has promised nothing.
    fn all() -> Set {
        Set::from_bits(u64::MAX)
    }

    /// Is no call left to any thread of it that changes its user or executes a
    /// program?
    pub fn is_settled(self) -> bool {
        let may = |word| self.promises.contains(word);
        let is_held =
            self.mode != Mode::Log && !self.is_free() && !self.is_executed && !self.is_of_thread;
        is_held && !may(Promise::Id) && !may(Promise::Exec)
    }

    /// Is nothing held against it?
    pub fn is_free(self) -> bool {
        self.is_unbound || self.is_executed && self.exec.is_none()
    }

    /// Would execve(2) change it?
    pub fn may_execute(self) -> bool {
        self.is_unbound || !self.is_executed && policy::differs(self.promises, self.exec)
    }

    /// What is held by a program that is executed.
    pub fn executed(self) -> State {
        let promises = self.exec.unwrap_or_else(State::all);
        State {
            promises,
            mode: match self.mode {
                mode @ (Mode::Kill | Mode::Log) => mode,
                _ if self.exec.is_some() && promises.contains(Promise::Error) => Mode::Error,
                _ => Mode::Abort,
            },
            is_executed: true,
            is_unbound: false,
            ..self
        }
    }

    /// Its words, in parts.
    pub fn part(self, n: usize) -> Option<usize> {
        let word = self.words().get(n / PARTS).copied()?;
        let part = word >> (PART as usize * (n % PARTS));
        Some((part & ((1 << PART) - 1)) as usize)
    }

    /// A state whose parts are told by `part`.
    pub fn from_parts(mut part: impl FnMut(usize) -> Option<usize>) -> Option<State> {
        let mut words = [0; 3];
        for (n, word) in words.iter_mut().enumerate() {
            for at in 0..PARTS {
                *word |= (part(n * PARTS + at)? as u64) << (PART as usize * at);
            }
        }
        State::from_words(words)
    }

    /// As words of a call, which [`State::from_words`] reads.
    pub fn words(self) -> [u64; 3] {
        let exec = self.exec.map_or(0, |exec| exec.bits() | GIVEN);
        let executed = if self.is_executed { EXECUTED } else { 0 };
        let unbound = if self.is_unbound { UNBOUND } else { 0 };
        let thread = if self.is_of_thread { THREAD } else { 0 };
        let veil = u64::from(self.veil) << VEIL;
        [
            self.promises.bits(),
            exec,
            self.mode.number() | executed | unbound | thread | veil,
        ]
    }

    pub fn from_words([promises, exec, mode]: [u64; 3]) -> Option<State> {
        Some(State {
            promises: Set::from_bits(promises),
            exec: (exec & GIVEN != 0).then(|| Set::from_bits(exec)),
            mode: Mode::from_number(mode & MODE)?,
            is_executed: mode & EXECUTED != 0,
            is_unbound: mode & UNBOUND != 0,
            is_of_thread: mode & THREAD != 0,
            veil: (mode >> VEIL) as u8,
        })
    }

    /// What is left of it when `other` is promised too.
    pub fn narrowed(self, other: State) -> State {
        State {
            promises: self.promises.and(other.promises),
            exec: match (self.exec, other.exec) {
                (Some(one), Some(other)) => Some(one.and(other)),
                (one, other) => one.or(other),
            },
            mode: other.mode,
            is_executed: false,
            is_unbound: self.is_unbound && other.is_unbound,
            is_of_thread: self.is_of_thread || other.is_of_thread,
            veil: self.veil,
        }
    }
}

/// How many different states the processes of one broker can be in: as many as
/// there are steps at which its programs give up promises.
const MOST: usize = 64;

/// Every state by its number; number 0 is [`State::NOTHING`].
pub struct States {
    list: [State; MOST],
    len: usize,
}

impl States {
    pub const EMPTY: States = States {
        list: [State::NOTHING; MOST],
        len: 1,
    };

    pub fn get(&self, number: usize) -> Option<State> {
        self.list[..self.len].get(number).copied()
    }

    /// The number of a state, which is made if need be. Where there is no place
    /// for it: that of nothing, which is less than anybody asks for.
    pub fn number(&mut self, state: State) -> usize {
        if let Some(at) = self.list[..self.len].iter().position(|s| *s == state) {
            return at;
        }
        let Some(slot) = self.list.get_mut(self.len) else {
            return 0;
        };
        *slot = state;
        self.len += 1;
        self.len - 1
    }
}

const RESOURCE: usize = libc::RLIMIT_LOCKS as usize;
/// Its name in /proc/PID/limits.
const NAME: &str = "Max file locks";
const PREFIX: u64 = (MARK as u64) << 32;
/// The number of the state in which a process starts its broker.
pub const FIRST: usize = 1;

/// Beside the number: a program was executed since, as who traces it says.
const SINCE: usize = 1 << 31;

/// What a process is labelled with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Label {
    /// Of its state.
    pub number: usize,
    /// Has it executed a program in that state? Only who traces it can say so.
    pub has_executed: bool,
}

/// The label of a process, if it has one.
pub fn label(pid: u32) -> Result<Option<Label>, Errno> {
    let soft = match process::limit(pid, RESOURCE, None) {
        // It has become another user.
        Err(libc::EPERM) => Status::soft_limit(pid, NAME)?,
        limit => limit?.0,
    };
    let low = (soft & 0xffff_ffff) as usize;
    Ok((soft >> 32 == PREFIX >> 32).then_some(Label {
        number: low & !SINCE,
        has_executed: low & SINCE != 0,
    }))
}

/// The hard limit, which nobody changes from the first label on.
static HARD: AtomicU64 = AtomicU64::new(u64::MAX);

/// Label this process; what was there before is returned.
pub fn set_label(number: usize) -> Result<Limit, Errno> {
    set_label_of(0, number)
}

/// The same for a process that is traced and has no filter yet.
pub fn set_label_of(pid: u32, number: usize) -> Result<Limit, Errno> {
    let before = process::limit(pid, RESOURCE, None)?;
    HARD.store(before.1, Ordering::Relaxed);
    let new = (PREFIX | number as u64, before.1);
    process::limit(pid, RESOURCE, Some(new))?;
    Ok(before)
}

/// Say of a traced process with a label that it has executed a program.
pub fn mark_executed(pid: u32) -> Result<(), Errno> {
    match label(pid)? {
        Some(label) => relabel(pid, label.number | SINCE),
        None => Err(libc::ESRCH),
    }
}

/// The same for a process that asks, whose hard limit is that of the first.
pub fn relabel(pid: u32, number: usize) -> Result<(), Errno> {
    let new = (PREFIX | number as u64, HARD.load(Ordering::Relaxed));
    match process::limit(pid, RESOURCE, Some(new)) {
        Err(libc::EPERM) => process::limit_of_other(pid, RESOURCE, new),
        done => done.map(|_| ()),
    }
}

/// Take the label back from this process, which has no filter yet.
pub fn restore_label(before: Limit) {
    restore_label_of(0, before);
}

/// The same for a process that is traced.
pub fn restore_label_of(pid: u32, before: Limit) {
    let _ = process::limit(pid, RESOURCE, Some(before));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(words: &str) -> State {
        State {
            promises: Set::parse(words).expect("words"),
            exec: None,
            mode: Mode::Abort,
            is_executed: false,
            is_unbound: false,
            is_of_thread: false,
            veil: 0,
        }
    }

    #[test]
    fn a_state_only_shrinks() {
        let old = state("stdio dns getpw");
        assert_eq!(
            old.narrowed(state("stdio getpw inet")),
            state("stdio getpw")
        );
        let exec = |words| State {
            exec: Some(Set::parse(words).expect("words")),
            ..old
        };
        assert_eq!(old.narrowed(exec("stdio")), exec("stdio"));
        assert_eq!(
            exec("stdio rpath").narrowed(exec("stdio tty")),
            exec("stdio")
        );
        assert_eq!(exec("stdio").narrowed(old), exec("stdio"));
    }

    #[test]
    fn words_are_read_back() {
        for exec in [None, Some(Set::EMPTY), Some(Set::from_bits(u64::MAX))] {
            let given = State {
                exec,
                ..state("stdio dns")
            };
            assert_eq!(State::from_words(given.words()), Some(given));
        }
        assert_eq!(State::from_words([0, 0, 9]), None);
    }

    #[test]
    fn who_has_promised_for_others_alone_is_free() {
        let exec = Set::parse("stdio rpath").ok();
        let unbound = State::unbound(exec, Mode::Abort);
        assert!(unbound.is_free() && unbound.may_execute());
        assert_eq!(State::from_words(unbound.words()), Some(unbound));
        let executed = unbound.executed();
        assert!(!executed.is_free() && executed.promises == state("stdio rpath").promises);
        let bound = unbound.narrowed(state("stdio"));
        assert!(!bound.is_free() && bound.exec == exec);
        // Who promises every word is not free.
        let all = Set::from_bits(u64::MAX);
        let all = State {
            promises: all,
            ..state("")
        };
        assert!(!all.is_free());
    }

    #[test]
    fn who_may_change_is_not_settled() {
        assert!(state("stdio rpath").is_settled());
        assert!(!state("stdio id").is_settled());
        assert!(!state("stdio exec").is_settled());
        assert!(!State::free().is_settled());
        let of_thread = State {
            is_of_thread: true,
            ..state("stdio")
        };
        let told = State::from_words(of_thread.words()).expect("a mode");
        assert!(!state("stdio rpath").narrowed(told).is_settled());
        let logged = State {
            mode: Mode::Log,
            ..state("stdio")
        };
        assert!(!logged.is_settled());
        assert!(!state("stdio").executed().is_settled());
    }

    #[test]
    fn numbers_stay_and_run_out_into_nothing() {
        let mut states = States::EMPTY;
        let first = states.number(state("stdio dns"));
        assert_eq!(first, FIRST);
        assert_eq!(states.number(state("stdio dns")), first);
        let sets = (0..200).map(|n| State {
            promises: Set::from_bits(n),
            ..state("")
        });
        let numbers: Vec<_> = sets.map(|state| states.number(state)).collect();
        assert_eq!(
            numbers.iter().filter(|n| **n == 0).count(),
            200 - (MOST - 2)
        );
        assert_eq!(states.get(0), Some(State::NOTHING));
        assert_eq!(states.get(MOST), None);
    }

    #[test]
    fn a_label_is_read_back() {
        let before = set_label(7).expect("a limit of one's own");
        let mut seven = Label {
            number: 7,
            has_executed: false,
        };
        assert_eq!(label(0), Ok(Some(seven)));
        assert_eq!(label(std::process::id()), Ok(Some(seven)));
        let told = Status::soft_limit(std::process::id(), NAME);
        assert_eq!(told, Ok(PREFIX | 7));
        assert_eq!(mark_executed(0), Ok(()));
        seven.has_executed = true;
        assert_eq!(label(0), Ok(Some(seven)));
        restore_label(before);
        assert_eq!(label(0), Ok(None));
    }
}
