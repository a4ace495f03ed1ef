// SPDX-License-Identifier: MIT OR Apache-2.0
//! Promises resolved on a host: one verdict for every system call. Pure data.

use crate::promise::{Promise, Set};
use crate::table::{Call, CallSet, Grant, Libc, Limit, Run, Table, Value, Wishes};
use crate::veil::filter::Mediation;

mod after;

pub use after::{After, differs, lets_alike};

/// What befalls a call that no promise in force allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Report, then die by SIGABRT.
    Abort,
    /// The kernel kills the process at once.
    Kill,
    /// The call fails with ENOSYS.
    Error,
    /// The kernel's audit log has a line; the call is made.
    Log,
}

/// What befalls one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// It is made.
    Allow,
    /// It fails with this errno.
    Errno(u16),
    /// The handler of violations makes it by calls whose arguments can be seen,
    /// if that can be; else it fails with this errno.
    Unfold(u16),
    /// The broker is asked; what it does not serve is a violation.
    Ask,
    /// The handler of violations asks the broker, since the filter of which it
    /// has the listener may allow the call.
    Door,
    /// It is a violation.
    Violation,
    /// It came through an ABI that is not the process's own: killed, since
    /// no number in it means what the tables say.
    Foreign,
}

/// What is known of a call before its arguments are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The same for any arguments.
    Always(Action),
    /// Some limit of [`Policy::limits_of`] must be satisfied.
    Limited {
        /// Otherwise this.
        otherwise: Action,
    },
}

/// Is there somebody to ask?
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Broker {
    /// Nobody: what would be asked befalls what would without.
    Absent,
    /// The listener of this very filter has one.
    Here,
    /// That of an older filter.
    Below,
}

/// The values that data/ can name but only a running process has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Process {
    /// Its id.
    pub pid: u32,
    /// Address of the buffer that a violation is reported from.
    pub report: u64,
    /// Its effective user and group.
    pub uid: u32,
    pub gid: u32,
}

impl Process {
    /// What a value of the data stands for here.
    pub fn value(&self, value: Value) -> u64 {
        match value {
            Value::Number(n) => n,
            Value::SelfPid => u64::from(self.pid),
            Value::Report => self.report,
            Value::Uid => u64::from(self.uid),
            Value::Gid => u64::from(self.gid),
        }
    }
}

/// Calls that [`Action::Unfold`] is for: their arguments lie behind a pointer,
/// and most uses of them are those of sendto(2) and recvfrom(2).
pub const UNFOLDED: [&str; 6] = [
    "recvmmsg",
    "recvmmsg_time64",
    "recvmsg",
    "sendmmsg",
    "sendmsg",
    "socketcall",
];

/// Those of them that the broker makes where no handler stands by.
const RELAYED: [&str; 5] = [
    UNFOLDED[0],
    UNFOLDED[1],
    UNFOLDED[2],
    UNFOLDED[3],
    UNFOLDED[4],
];

/// How many numbers a filter answers: see [`Policy::answers`].
pub const ANSWERS: usize = 10;

/// First argument of the prctl(2) that asks a filter what it holds. The kernel
/// knows no such option (EINVAL), and prctl is let through by every filter
/// that lets a process confine itself further.
pub const QUERY: u32 = crate::sys::MARK;

/// Second argument of the query that has the broker serve a call: the third
/// is the address of its number and its six arguments.
pub const ASK: u32 = 0x100;
/// ... that tells the broker of promises given up: what [`Held::words`] says.
pub const NARROW: u32 = 0x101;
/// ... that asks what it knows of the process: the third argument is the
/// part of `State::parts` that is returned.
pub const STATE: u32 = 0x102;
/// ... that tells it rules for paths: the third argument is their address.
pub const VEIL: u32 = 0x103;
/// All that are for the broker.
pub const QUESTIONS: [u32; 4] = [ASK, NARROW, STATE, VEIL];

/// Answer number 0: this format of the others. Errnos end at 4095.
pub const SIGNATURE: u16 = 0xd02;

/// Bits of a set in one answer.
const ANSWER_BITS: usize = 11;
/// Answers that a set takes.
const SET_ANSWERS: usize = 4;
/// Set in the first answer of execpromises that were given.
const GIVEN: u64 = 1 << Promise::COUNT;
/// The last answer: two bits of mode, whether the filter was loaded for one
/// thread, whether there is a broker, and the mark of the values it was made of.
const MODE_BITS: u16 = 3;
const THREAD_ONLY: u16 = 1 << 2;
const BROKERED: u16 = 1 << 3;
const MARK_SHIFT: u32 = 4;
const MARKS: u16 = 1 << (12 - MARK_SHIFT);

/// Promises resolved on a host.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The tables that the numbers below index.
    pub table: &'a Table<'a>,
    /// The promises.
    pub promises: Set,
    /// What an executed program starts with, if that was said.
    pub exec: Option<Set>,
    /// What befalls a violation.
    pub mode: Mode,
    /// Is it one thread's, and not the process's?
    pub thread_only: bool,
    /// Stands in for the values that only a process has.
    pub process: Process,
    /// Everything granted.
    pub granted: Grant,
    /// A handler of violations stands by wherever the filter is.
    pub handled: bool,
    /// Who is asked for `asked`.
    pub broker: Broker,
    /// What "stdio" asks of it.
    pub wishes: Wishes,
    /// Calls that are asked of a broker where no limit lets them through.
    pub asked: CallSet,
    /// What holds in a program that is executed.
    pub after: After,
    /// The broker holds rules for paths, and how.
    pub mediation: Option<Mediation>,
}

/// The words of `promises` as a filter tells them: what the filter in force
/// was made of, without a look into memory that the process could change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    pub promises: Set,
    pub exec: Option<Set>,
    pub mode: Mode,
    /// Was it loaded for one thread? Those that it made later have it too.
    pub thread_only: bool,
    /// Is there a broker?
    pub brokered: bool,
    /// Is nothing promised but for what is executed? Only a broker can tell.
    pub is_unbound: bool,
}

impl Mode {
    const ALL: [Mode; 4] = [Mode::Abort, Mode::Kill, Mode::Error, Mode::Log];

    /// The mode number `n` of RPLEDGE_ABORT, _KILL, _ERROR, _LOG.
    pub fn from_number(n: u64) -> Option<Mode> {
        Mode::ALL.get(usize::try_from(n).ok()?).copied()
    }

    /// Its number.
    pub fn number(self) -> u64 {
        self as u64
    }
}

impl<'a> Policy<'a> {
    /// Resolve `promises` on `libcs`: several when none is known to be the
    /// one; then what any of them needs is granted.
    pub fn of(table: &'a Table<'a>, libcs: &[Libc<'a>], promises: Set) -> Policy<'a> {
        let mut granted = Grant::NONE;
        for libc in libcs {
            granted.join(&libc.always);
            for promise in promises.iter() {
                granted.join(libc.grant(promise));
            }
        }
        let mode = if promises.contains(Promise::Error) {
            Mode::Error
        } else {
            Mode::Abort
        };
        Policy {
            table,
            promises,
            exec: None,
            mode,
            thread_only: false,
            process: Process::default(),
            granted,
            handled: false,
            broker: Broker::Absent,
            wishes: Wishes::ALL,
            asked: CallSet::EMPTY,
            after: After::Same,
            mediation: None,
        }
    }

    /// The same where a broker is there, or not.
    #[must_use]
    pub fn with_broker(mut self, broker: Broker) -> Policy<'a> {
        self.broker = broker;
        self.asked = match broker {
            Broker::Absent => CallSet::EMPTY,
            _ => self.table.asked(self.promises, self.wishes),
        };
        self
    }

    /// Is the broker asked for the call at `place` where no limit lets it through?
    fn asks(&self, place: usize) -> bool {
        self.asks_all() || self.asked.contains(place)
    }

    /// What befalls a call that promises allow: of one that takes a path the
    /// broker is asked where it holds the rules.
    pub fn grant(&self, place: usize) -> Action {
        let nr = self.table.calls[place].nr;
        match self.mediation {
            Some(mediation) if self.broker == Broker::Here && mediation.asks(nr) => Action::Ask,
            _ => Action::Allow,
        }
    }

    /// What befalls a call that the broker is asked for.
    fn ask(&self) -> Action {
        match self.broker {
            Broker::Below => Action::Door,
            _ => Action::Ask,
        }
    }

    /// Does the handler of violations make the call?
    fn unfolds(&self, place: usize) -> bool {
        self.handled
            && matches!(self.mode, Mode::Abort | Mode::Error)
            && UNFOLDED.contains(&self.table.calls[place].name)
    }

    /// Does the broker make the call, as no handler can?
    fn relays(&self, place: usize) -> bool {
        self.broker == Broker::Here && RELAYED.contains(&self.table.calls[place].name)
    }

    /// The verdict on the call at `place` of [`Table::calls`].
    pub fn verdict(&self, place: usize) -> Verdict {
        self.verdict_within(place, self.table.limits_on(place))
    }

    /// The verdict on each call, in order, with the limits on it.
    pub fn verdicts(&self) -> impl Iterator<Item = (Verdict, Run<'a>)> {
        let runs = self.table.runs().enumerate();
        runs.map(|(place, run)| (self.verdict_within(place, run), run))
    }

    fn verdict_within(&self, place: usize, limits: Run<'a>) -> Verdict {
        // As most calls are: two thirds of what a filter takes to write.
        if limits.1.is_empty() {
            let is_free = self.granted.calls.contains(place) && self.is_free_after(place, limits);
            return Verdict::Always(match is_free {
                true => self.grant(place),
                false => self.refusal(place),
            });
        }
        if self.refuses_unlike(limits) {
            return Verdict::Always(self.ask());
        }
        let is_free = self.is_free(place, limits);
        let (mut limited, mut errno) = (false, 0);
        for limit in self.ordered(place, limits, is_free) {
            limited |= !limit.clauses.is_empty();
            if !limit.refuse {
                errno = errno.max(limit.errno);
            }
        }
        let otherwise = match (errno, is_free) {
            (0, true) => self.grant(place),
            (_, false) if self.asks(place) => self.ask(),
            (0, false) => self.refusal(place),
            (errno, _) if self.unfolds(place) => Action::Unfold(errno),
            _ if self.relays(place) => Action::Ask,
            (errno, _) => Action::Errno(errno),
        };
        if limited {
            Verdict::Limited { otherwise }
        } else {
            Verdict::Always(otherwise)
        }
    }

    /// What befalls a call that nothing grants.
    fn refusal(&self, place: usize) -> Action {
        if self.asks(place) {
            return self.ask();
        }
        let errno = self
            .table
            .errnos
            .iter()
            .find(|(call, _)| usize::from(*call) == place);
        match errno {
            None => Action::Violation,
            Some((_, errno)) if self.unfolds(place) => Action::Unfold(*errno),
            Some(_) if self.relays(place) => Action::Ask,
            Some((_, errno)) => Action::Errno(*errno),
        }
    }

    /// Is the call at `place` granted with any arguments? Then no other limit
    /// on it needs a look, and the kernel can know so from its number.
    fn is_free(&self, place: usize, limits: Run<'a>) -> bool {
        self.is_free_now(place, limits) && self.is_free_after(place, limits)
    }

    fn is_free_now(&self, place: usize, limits: Run<'a>) -> bool {
        is_free(&self.granted, self.promises, place, limits)
    }

    /// The limits in force on the call at `place`: refusals, then those of
    /// which one must be satisfied. A call granted as it is has refusals only.
    pub fn limits_of(&self, place: usize) -> impl Iterator<Item = &'a Limit<'a>> {
        self.limits_within(place, self.table.limits_on(place))
    }

    /// The same, among the limits on that call.
    pub fn limits_within(
        &self,
        place: usize,
        limits: Run<'a>,
    ) -> impl Iterator<Item = &'a Limit<'a>> {
        self.ordered(place, limits, self.is_free(place, limits))
    }

    fn ordered(
        &self,
        place: usize,
        limits: Run<'a>,
        is_free: bool,
    ) -> impl Iterator<Item = &'a Limit<'a>> {
        let grants = self.in_force(place, limits, false);
        let grants = grants.filter(move |_| !is_free);
        self.in_force(place, limits, true).chain(grants)
    }

    fn in_force(
        &self,
        place: usize,
        run: Run<'a>,
        refuse: bool,
    ) -> impl Iterator<Item = &'a Limit<'a>> {
        let (first, limits) = run;
        let is_free = !refuse && self.asks_all() && self.is_free_now(place, run);
        let here = limits.iter().enumerate().filter(move |(n, limit)| {
            let n = first + n;
            let now = || is_free || holds(&self.granted, self.promises, n, limit);
            limit.refuse == refuse && now() && self.holds_after(n, limit, place, run)
        });
        here.map(|(_, limit)| limit)
    }

    /// A number below [`MARKS`] that a policy of other values or of other data
    /// hardly shares.
    fn mark(&self) -> u16 {
        let Process {
            pid,
            report,
            uid,
            gid,
        } = self.process;
        let ids = u64::from(uid) << 32 | u64::from(gid);
        let Grant { calls, limits } = self.granted;
        let values = [u64::from(pid), report, ids].into_iter();
        let mixed = values
            .chain(calls.0)
            .chain(limits.0)
            .chain(self.asked.0)
            // The golden ratio's bits, so that each one counts for the highest.
            .fold(0_u64, |all, value| {
                (all ^ value)
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                    .rotate_left(29)
            });
        (mixed >> 32) as u16 % MARKS
    }

    /// The answers to the query, each below 4096.
    pub fn answers(&self) -> [u16; ANSWERS] {
        let exec = self.exec.map_or(0, |set| set.bits() | GIVEN);
        let mut answers = [SIGNATURE; ANSWERS];
        for (n, bits) in [(1, self.promises.bits()), (1 + SET_ANSWERS, exec)] {
            for part in 0..SET_ANSWERS {
                let field = bits >> (part * ANSWER_BITS) & ((1 << ANSWER_BITS) - 1);
                answers[n + part] = field as u16;
            }
        }
        let thread = if self.thread_only { THREAD_ONLY } else { 0 };
        let broker = match self.broker {
            Broker::Absent => 0,
            _ => BROKERED,
        };
        let mark = self.mark() << MARK_SHIFT;
        answers[ANSWERS - 1] = self.mode.number() as u16 | thread | broker | mark;
        answers
    }
}

impl Held {
    /// Read the answers back; none if they are not of our making.
    pub fn from_answers(answers: &[u16; ANSWERS]) -> Option<Held> {
        if answers[0] != SIGNATURE {
            return None;
        }
        let set = |at: usize| {
            let parts = answers[at..at + SET_ANSWERS].iter().enumerate();
            parts.fold(0, |bits, (n, a)| bits | u64::from(*a) << (n * ANSWER_BITS))
        };
        let exec = set(1 + SET_ANSWERS);
        Some(Held {
            promises: Set::from_bits(set(1)),
            exec: (exec & GIVEN != 0).then(|| Set::from_bits(exec)),
            mode: Mode::from_number(u64::from(answers[ANSWERS - 1] & MODE_BITS))?,
            thread_only: answers[ANSWERS - 1] & THREAD_ONLY != 0,
            brokered: answers[ANSWERS - 1] & BROKERED != 0,
            is_unbound: false,
        })
    }
}

/// Does a grant have limit number `n`, with the promises that it needs?
fn holds(granted: &Grant, promises: Set, n: usize, limit: &Limit) -> bool {
    granted.limits.contains(n) && limit.needs.is_subset(promises)
}

/// Does a grant have the call at `place` with any arguments?
fn is_free(granted: &Grant, promises: Set, place: usize, (first, limits): Run) -> bool {
    let any = |(n, limit): (usize, &Limit)| {
        !limit.refuse
            && holds(granted, promises, first + n, limit)
            && limit.clauses.iter().any(|clause| clause.is_empty())
    };
    granted.calls.contains(place) || limits.iter().enumerate().any(any)
}

/// Names of calls, for people.
pub fn names<'a>(calls: &'a [Call<'a>], set: &'a CallSet) -> impl Iterator<Item = &'a str> {
    set.iter()
        .filter_map(|n| calls.get(n))
        .map(|call| call.name)
}

#[cfg(test)]
mod tests;
