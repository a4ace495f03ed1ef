// SPDX-License-Identifier: MIT OR Apache-2.0
//! The broker: a process of its own that makes, for a pledged one, the calls whose legality lies where a filter cannot look.
//!
//! The first filter has a listener; a call that it asks for waits there until
//! the broker has answered. The broker copies what lies in memory once,
//! decides on the copy and acts by itself; what it does not serve it hands
//! back, and that is a violation like any other. It ends with the last process
//! of its filter. Killed, it leaves calls that fail with ENOSYS.

mod born;
pub mod client;
mod confine;
mod exec;
mod files;
#[cfg(any(test, feature = "facts"))]
#[doc(hidden)]
pub mod guest;
pub mod held;
#[cfg(any(test, feature = "facts"))]
#[doc(hidden)]
pub mod hostile;
mod parts;
mod passing;
mod report;
mod socket;
pub mod start;
pub mod state;
mod team;
pub mod user;
mod veil;

use crate::policy::{ASK, Mode, NARROW, QUERY, STATE, VEIL};
use crate::promise::Promise;
use crate::sys::fd::{Fd, Inode};
use crate::sys::lock::Lock;
use crate::sys::notify::{Asked, Listener};
use crate::sys::process::{self, Status};
use crate::sys::signal::Why;
use crate::sys::spawn;
use crate::sys::{self, Errno, NOT_SERVED, QUESTION, VIOLATION};
use client::{Call, Caller, Client, Gone};
use passing::{Helper, Terms};
use state::{State, States};

/// What a broker knows from its start.
#[derive(Clone, Copy)]
pub struct Shared {
    pub listener: Listener,
    /// The process that started it, and its /proc/self/mem.
    pub first: u32,
    pub memory: i32,
    /// Its /proc/self/maps.
    pub maps: i32,
    /// Did the first of them promise for what it executes alone?
    pub asks_all: bool,
    /// Can callers become another user?
    pub changes_user: bool,
    /// The process that traces them, and judges what is handed back; 0: nobody.
    pub tracer: u32,
    /// Does who waits for a call learn that nobody is left to make one?
    pub tells_of_end: bool,
    /// Can Landlock hold callers, and not the broker, to names of sockets?
    pub holds_sockets: bool,
}

/// The states of its callers.
static STATES: Lock<States> = Lock::new(States::EMPTY);

/// What becomes of a call.
#[derive(PartialEq, Eq, Debug)]
pub enum Answer {
    /// It returns this.
    Value(usize),
    /// It fails.
    Errno(Errno),
    /// The caller has a copy of this descriptor, whose number it returns; the
    /// one here is closed.
    Inject { fd: Fd, is_closed_on_exec: bool },
    /// It is not served: what a filter without a broker says of it befalls it.
    HandBack,
    /// It is a violation, whatever a filter would say of it.
    Violation,
    /// The kernel makes it, whatever lies in memory by then: what allows it is
    /// its number and its arguments alone.
    LetThrough,
    /// Nobody waits for an answer any more.
    Drop,
}

impl From<Result<usize, Errno>> for Answer {
    fn from(done: Result<usize, Errno>) -> Answer {
        done.map_or_else(Answer::Errno, Answer::Value)
    }
}

impl From<Gone> for Answer {
    fn from(_: Gone) -> Answer {
        Answer::Drop
    }
}

/// Serve one call that was received; does this thread still lead?
fn serve(shared: &'static Shared, asked: Asked) -> bool {
    let Ok(caller) = Caller::of(shared, asked) else {
        // Its process has ended, or nothing can be known of it.
        let _ = shared.listener.answer(asked.id, Err(libc::ENOSYS));
        return true;
    };
    let label = state::label(asked.tid).ok().flatten();
    let state = label.and_then(|label| Some((STATES.take().get(label.number)?, label)));
    // What was read by the thread's id was its own only if its call still waits.
    if !caller.is_valid() {
        return true;
    }
    let Some(state) = state.map(|(state, label)| exec::present(&caller, state, label)) else {
        let _ = shared.listener.answer(asked.id, Err(libc::EPERM));
        return true;
    };
    caller.settle(state);
    let answer = decide(&caller, state);
    give(shared, &caller, state, answer);
    caller.leads()
}

fn decide(caller: &Caller, state: State) -> Answer {
    let Asked { nr, args, .. } = *caller.asked();
    if !is_query(caller.asked()) {
        let call = Call::of(nr, args);
        // Where others would let it through, rules may not.
        if let Some(answer) = veil::judge(caller, state, &call) {
            return as_read(caller, state, answer);
        }
        let judged = exec::judge(caller, state, &call);
        return judged.unwrap_or_else(|| as_read(caller, state, dispatch(caller, state, &call)));
    }
    match args[1] as u32 {
        NARROW => narrow(caller, state, spawn::told(&args)),
        ASK => match behind_the_door(caller, args[2]) {
            Ok(call) => {
                let judged = veil::judge(caller, state, &call);
                let answer = judged.unwrap_or_else(|| dispatch(caller, state, &call));
                as_read(caller, state, answer)
            }
            Err(_) if caller.is_closed() => Answer::Errno(libc::EACCES),
            Err(errno) => Answer::Errno(errno),
        },
        VEIL => veil::hear(caller, state, args[2]).into(),
        STATE => match state.part(args[2] as usize) {
            Some(part) => Answer::Value(part),
            None => Answer::Errno(libc::EINVAL),
        },
        _ => Answer::Errno(libc::EINVAL),
    }
}

/// Is it the library that asks, and not the program?
fn is_query(asked: &Asked) -> bool {
    let is_prctl = asked.nr == libc::SYS_prctl as u32 && asked.args[0] as u32 == QUERY;
    is_prctl && asked.arch == crate::table::TABLE.audit
}

/// The call that a handler asks for, copied once.
fn behind_the_door(caller: &Caller, at: u64) -> Result<Call, Errno> {
    let mut bytes = [0; QUESTION * 8];
    caller.read(at, &mut bytes)?;
    let (words, _) = bytes.as_chunks::<8>();
    let word = |n: usize| u64::from_ne_bytes(words[n]);
    let args = core::array::from_fn(|n| word(n + 1));
    caller.claim(Inode {
        device: word(7),
        number: word(8),
    });
    Ok(Call::of(word(0) as u32, args))
}

/// Promises are given up: the caller's process gets the label of what is left.
fn narrow(caller: &Caller, state: State, words: [u64; 3]) -> Answer {
    let Some(told) = State::from_words(words) else {
        return Answer::Errno(libc::EINVAL);
    };
    let number = STATES.take().number(state.narrowed(told));
    state::relabel(caller.tgid(), number).map(|()| 0).into()
}

/// The answer, if the caller's memory could be read. If not, its handler can
/// open it and ask again by the door; an executed program has none.
fn as_read(caller: &Caller, state: State, answer: Answer) -> Answer {
    if !caller.is_closed() {
        return answer;
    }
    let may_open = !state.is_executed && !is_query(caller.asked());
    let is_handled = match caller.tracer() {
        Some(tracer) => is_traced(caller, tracer, Why::Unread),
        None => may_open && is_handled(caller, Why::Unread),
    };
    match is_handled {
        true => Answer::Errno(libc::ENOSYS),
        false => Answer::Errno(libc::EACCES),
    }
}

/// Who serves which call.
fn dispatch(caller: &Caller, state: State, call: &Call) -> Answer {
    let held = state.promises;
    match call.name {
        "open" | "openat" | "stat" | "stat64" | "lstat" | "lstat64" | "newfstatat"
        | "fstatat64" | "access" | "faccessat" | "unlink" | "unlinkat" => {
            files::serve(caller, held, call)
        }
        "sendmsg" | "sendmmsg" => match socket::serve(caller, held, call) {
            Answer::HandBack => relay(caller, state, call, Promise::Sendfd, passing::send),
            answer => answer,
        },
        "recvmsg" | "recvmmsg" | "recvmmsg_time64" => {
            relay(caller, state, call, Promise::Recvfd, passing::receive)
        }
        "socket" | "connect" | "bind" | "listen" | "accept" | "accept4" | "sendto" => {
            socket::serve(caller, held, call)
        }
        _ => Answer::HandBack,
    }
}

/// Make a call that passes descriptors, or that no handler can make. A message
/// goes where sendto(2) may without a broker.
fn relay(
    caller: &Caller,
    state: State,
    call: &Call,
    promise: Promise,
    serve: fn(&dyn Client, Terms, Helper, &Call) -> Answer,
) -> Answer {
    let has = |promise| state.promises.contains(promise);
    let helper = helper(caller, state);
    if !has(promise) && helper != Helper::Nobody {
        return Answer::HandBack;
    }
    let terms = Terms {
        passes: has(promise),
        directories: state.mode == Mode::Log,
        names: has(Promise::Unix) && state.veil == 0 && !caller.is_held_to_names(),
        connects: has(Promise::Inet),
    };
    serve(caller, terms, helper, call)
}

/// Who makes what needs no broker.
fn helper(caller: &Caller, state: State) -> Helper {
    let may_run = !state.is_executed && state.mode != Mode::Kill && caller.tracer().is_none();
    match is_query(caller.asked()) {
        true => Helper::Asks,
        false if may_run && caller.has_handler() => Helper::Handler,
        false => Helper::Nobody,
    }
}

fn give(shared: &Shared, caller: &Caller, state: State, answer: Answer) {
    let Shared { listener, .. } = shared;
    let id = caller.asked().id;
    // A caller that is gone has no use for an answer.
    let _ = match answer {
        Answer::Value(value) => listener.answer(id, Ok(value)),
        Answer::Errno(errno) => listener.answer(id, Err(errno)),
        Answer::Inject {
            fd,
            is_closed_on_exec,
        } => listener
            .inject(id, &fd, is_closed_on_exec)
            .or_else(|errno| listener.answer(id, Err(errno))),
        Answer::LetThrough => listener.let_through(id),
        Answer::HandBack => hand_back(shared, caller, state, Why::NotServed),
        Answer::Violation => hand_back(shared, caller, state, Why::Violation),
        Answer::Drop => Ok(()),
    };
}

/// Leave the call to the handler of violations, which judges it as a filter
/// without a broker would have; where none can run, judge it here.
fn hand_back(shared: &Shared, caller: &Caller, state: State, why: Why) -> Result<(), Errno> {
    let Shared { listener, .. } = shared;
    let asked = caller.asked();
    if is_query(asked) {
        // Its handler waits for the word, in which no signal reaches it.
        let told = match why {
            Why::Violation => VIOLATION,
            _ => NOT_SERVED,
        };
        return listener.answer(asked.id, Err(told));
    }
    if state.mode == Mode::Log {
        return listener.let_through(asked.id);
    }
    if let Some(tracer) = caller.tracer()
        && state.mode != Mode::Kill
        && is_traced(caller, tracer, why)
    {
        return listener.answer(asked.id, Err(libc::ENOSYS));
    }
    let call = Call::of(asked.nr, asked.args);
    let is_handled = !state.is_executed && state.mode != Mode::Kill && is_handled(caller, why);
    // No handler of this library is there, or a signal cannot reach it: glibc's
    // threads for timers block all, and malloc in them opens files.
    let errno = match is_handled {
        false if why != Why::Violation => exec::survives(caller, state, &call),
        _ => None,
    };
    let is_settled = errno.is_some() || is_handled;
    // The call waits as long as it takes to end its process.
    match state.mode {
        _ if is_settled => {}
        Mode::Kill if caller.is_valid() => drop(process::kill(caller.tgid(), libc::SIGKILL)),
        Mode::Abort => report::end(caller, state.promises, &call),
        _ => {}
    }
    listener.answer(asked.id, Err(errno.unwrap_or(libc::ENOSYS)))
}

/// Give the call to the caller's handler of SIGSYS, if it has one that runs.
fn is_handled(caller: &Caller, why: Why) -> bool {
    let Asked { tid, nr, args, .. } = *caller.asked();
    let told = why.tell(nr);
    caller.has_handler() && process::queue(caller.tgid(), tid, libc::SIGSYS, told, args[0]).is_ok()
}

/// Give the call to who traces the caller: by a signal that nobody can block,
/// and that only a tracer gets to see.
fn is_traced(caller: &Caller, tracer: u32, why: Why) -> bool {
    let Asked { tid, nr, args, .. } = *caller.asked();
    let told = why.tell(nr);
    let traces = |status: Status| status.number("TracerPid", 10) == Some(tracer.into());
    Status::of(tid).is_ok_and(traces)
        && process::queue(caller.tgid(), tid, libc::SIGSTOP, told, args[0]).is_ok()
}

/// Serve until nobody is left to serve. All threads of the broker run this.
extern "C" fn run(shared: &'static Shared) -> ! {
    loop {
        team::lead();
        let mut has_ended = false;
        loop {
            if (has_ended || !shared.tells_of_end) && !shared.listener.wait() {
                sys::exit_group(0);
            }
            let asked = shared.listener.receive();
            has_ended = asked.is_err();
            match asked {
                Ok(asked) if !serve(shared, asked) => break,
                _ => {}
            }
        }
        team::rest();
    }
}
