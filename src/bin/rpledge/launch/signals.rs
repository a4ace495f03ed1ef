// SPDX-License-Identifier: MIT OR Apache-2.0
//! What becomes of the signals that the command itself gets.
//!
//! The program is in the command's process group, so the terminal's signals
//! reach it without help; what somebody sends to the command is passed on. Who
//! signals the whole group (a shell's `kill %1`, a service manager) reaches the
//! program directly as well: such a signal is recognised by sender and time,
//! and not delivered twice.

use std::ffi::c_int;
use std::time::{Duration, Instant};

use super::sys::{self, Blocked, Pid};

/// How long after each other both copies of a group's signal may be seen.
const TOGETHER: Duration = Duration::from_millis(50);

/// A signal by number and sender, when it was seen.
#[derive(Clone, Copy)]
struct Sighting {
    signal: c_int,
    sender: Pid,
    time: Instant,
}

impl Sighting {
    fn now(signal: c_int, sender: Pid) -> Sighting {
        Sighting {
            signal,
            sender,
            time: Instant::now(),
        }
    }

    fn same(&self, other: &Sighting) -> bool {
        self.signal == other.signal && self.sender == other.sender
    }
}

/// The signals of the command while a program runs.
pub struct Signals {
    pub blocked: Blocked,
    /// Got by the command, not yet seen at the program.
    waiting: Vec<Sighting>,
    /// Seen at the program a moment ago.
    seen: Vec<Sighting>,
    /// The terminal has stopped the job, as far as the command knows.
    stopping: bool,
}

impl Signals {
    pub fn block() -> Signals {
        Signals {
            blocked: Blocked::new(),
            waiting: Vec::new(),
            seen: Vec::new(),
            stopping: false,
        }
    }

    /// Waits for one signal, SIGCHLD among them, or until one is due.
    pub fn wait(&mut self) {
        let deadline = self.waiting.iter().map(|first| first.time + TOGETHER).min();
        let timeout = deadline.map(|time| time.saturating_duration_since(Instant::now()));
        if let Some(info) = self.blocked.next_signal(timeout) {
            self.got(info.signal(), info.code(), info.sender());
        }
    }

    /// Signals that have to be sent on now. Asked when all that the program
    /// has done so far is known: a slow machine must not double a signal. (One
    /// that is pending there still is not doubled by the kernel.)
    pub fn due(&mut self) -> Vec<c_int> {
        let now = Instant::now();
        let (due, waiting): (Vec<_>, _) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|one: &Sighting| now >= one.time + TOGETHER);
        self.waiting = waiting;
        due.iter().map(|one| one.signal).collect()
    }

    fn got(&mut self, signal: c_int, code: c_int, sender: Pid) {
        match signal {
            libc::SIGCHLD => return,
            libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => self.stopping = true,
            libc::SIGCONT => self.stopping = false,
            _ => {}
        }
        // The kernel's own go to the whole group.
        if code > 0 {
            return;
        }
        let one = Sighting::now(signal, sender);
        self.forget();
        match self.seen.iter().position(|seen| seen.same(&one)) {
            Some(at) => drop(self.seen.swap_remove(at)),
            None => self.waiting.push(one),
        }
    }

    /// The program is about to get a signal from `sender`.
    pub fn saw(&mut self, signal: c_int, sender: Pid) {
        let one = Sighting::now(signal, sender);
        self.forget();
        match self.waiting.iter().position(|waiting| waiting.same(&one)) {
            Some(at) => drop(self.waiting.swap_remove(at)),
            None => self.seen.push(one),
        }
    }

    fn forget(&mut self) {
        let now = Instant::now();
        self.seen.retain(|seen| now < seen.time + TOGETHER);
    }

    /// The program has stopped: the command stops too if that was the
    /// terminal's doing, so that the shell sees its job stop. It must not when
    /// only the program was told to: nobody would wake the command.
    pub fn stop_with(&mut self, stopped: bool) {
        if stopped && self.stopping {
            self.stopping = false;
            // A stop that cannot be had leaves the command running: harmless.
            let _ = sys::kill(std::process::id() as Pid, libc::SIGSTOP);
        }
    }
}

impl Drop for Signals {
    /// What is still pending was meant for the program, which is gone.
    fn drop(&mut self) {
        while self.blocked.next_signal(Some(Duration::ZERO)).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signals() -> Signals {
        Signals::block()
    }

    #[test]
    fn a_signal_to_the_command_alone_is_due_later() {
        let mut signals = signals();
        signals.got(libc::SIGTERM, 0, 7);
        let start = Instant::now();
        let mut due = Vec::new();
        while due.is_empty() && start.elapsed() < Duration::from_secs(5) {
            signals.wait();
            due = signals.due();
        }
        assert_eq!(due, [libc::SIGTERM]);
        assert!(signals.waiting.is_empty());
    }

    #[test]
    fn a_signal_to_the_group_is_not_doubled() {
        let mut signals = signals();
        signals.got(libc::SIGTERM, 0, 7);
        signals.saw(libc::SIGTERM, 7);
        assert!(signals.waiting.is_empty() && signals.seen.is_empty());
        signals.saw(libc::SIGTERM, 7);
        signals.got(libc::SIGTERM, 0, 7);
        assert!(signals.waiting.is_empty() && signals.seen.is_empty());
    }

    #[test]
    fn another_sender_is_another_signal() {
        let mut signals = signals();
        signals.saw(libc::SIGTERM, 8);
        signals.got(libc::SIGTERM, 0, 7);
        assert_eq!(signals.waiting.len(), 1);
    }

    #[test]
    fn the_terminals_signals_are_not_passed_on() {
        let mut signals = signals();
        signals.got(libc::SIGINT, 0x80, 0);
        signals.got(libc::SIGTSTP, 0x80, 0);
        assert!(signals.waiting.is_empty());
        assert!(signals.stopping);
        signals.got(libc::SIGCONT, 0, 7);
        assert!(!signals.stopping);
    }
}
