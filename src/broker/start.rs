// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a process gets its broker: made before the filter, told the filter's listener after.

use core::sync::atomic::Ordering;

use super::state::{self, State};
use super::{STATES, Shared, confine, run};
use crate::sys::fd::Fd;
use crate::sys::lock::{wait_while, wake};
use crate::sys::notify::Listener;
use crate::sys::once::Once;
use crate::sys::process::Limit;
use crate::sys::spawn::{self, Board};
use crate::sys::{self, Errno, signal};

/// A broker that waits to be told its listener.
pub struct Start {
    pid: u32,
    board: &'static Board,
    memory: [Fd; 2],
    blocked: u64,
    label: Limit,
}

/// What a waiting broker is told instead of a listener's number and one.
const GIVE_UP: u32 = u32::MAX;
/// What it says once it holds nothing of the process any more.
const READY: u32 = 1;
const FAILED: u32 = 2;
/// How often the process looks for that, twice a second.
const PATIENCE: u32 = 20;

/// What the broker's threads share.
static SHARED: Once<Shared> = Once::new();

/// Make the broker of this process, for a first caller with this state.
pub fn begin(state: State, changes_user: bool) -> Result<Start, Errno> {
    let board = spawn::board()?;
    let label = state::set_label(state::FIRST)?;
    let memory = spawn::own_memory().inspect_err(|_| state::restore_label(label))?;
    let blocked = spawn::block_signals();
    let made = spawn::fork();
    match made {
        Ok(0) => be(board, state, changes_user, memory.map(Fd::keep)),
        Ok(pid) => {
            spawn::let_look(pid);
            Ok(Start {
                pid,
                board,
                memory,
                blocked,
                label,
            })
        }
        Err(errno) => {
            signal::restore_mask(blocked);
            state::restore_label(label);
            spawn::forget(board);
            Err(errno)
        }
    }
}

impl Start {
    /// The filter is there: give the broker its listener. False if there is
    /// none after all, and every call that asks for one fails.
    pub fn go(self, listener: i32) -> bool {
        let Board { told, done } = self.board;
        told.store(listener as u32 + 1, Ordering::Release);
        wake(told, 1);
        for _ in 0..PATIENCE {
            if done.load(Ordering::Acquire) != 0 {
                break;
            }
            wait_while(done, 0);
        }
        spawn::close_by_door(listener);
        for fd in self.memory {
            spawn::close_by_door(fd.keep());
        }
        signal::restore_mask(self.blocked);
        done.load(Ordering::Acquire) == READY
    }

    /// There is no filter to listen to: all is as before.
    pub fn give_up(self) {
        self.board.told.store(GIVE_UP, Ordering::Release);
        wake(&self.board.told, 1);
        spawn::reap(self.pid);
        spawn::forget(self.board);
        state::restore_label(self.label);
        signal::restore_mask(self.blocked);
    }
}

/// The broker's own way.
fn be(board: &'static Board, state: State, changes_user: bool, memory: [i32; 2]) -> ! {
    let first = spawn::parent();
    let Some(listener) = told(board, first) else {
        sys::exit_group(0);
    };
    let ready = spawn::own_descriptors(&[listener, memory[0], memory[1]])
        .and_then(|()| spawn::hide())
        .and_then(|()| confine::confine(crate::table::TABLE.audit));
    let listener = Listener(0);
    let _ = STATES.take().number(state);
    SHARED.get_or_make(|| Shared {
        listener,
        first,
        memory: 1,
        maps: 2,
        changes_user,
    });
    let Board { done, .. } = board;
    let (Ok(()), Some(shared)) = (ready, SHARED.get()) else {
        done.store(FAILED, Ordering::Release);
        wake(done, 1);
        sys::exit_group(1);
    };
    listener.wake_in_turn();
    done.store(READY, Ordering::Release);
    wake(done, 1);
    spawn::forget(board);
    run(shared)
}

/// The listener's number in the table that is shared still.
fn told(board: &Board, first: u32) -> Option<i32> {
    loop {
        match board.told.load(Ordering::Acquire) {
            0 if spawn::parent() != first => return None,
            0 => wait_while(&board.told, 0),
            GIVE_UP => return None,
            number => return Some(number as i32 - 1),
        }
    }
}
