// SPDX-License-Identifier: MIT OR Apache-2.0
//! How a process gets its broker: made before the filter, told the filter's listener after.

use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, Ordering};

use super::state::{self, State};
use super::{STATES, Shared, confine, run};
use crate::policy::STATE;
use crate::sys::fd::Fd;
use crate::sys::landlock;
use crate::sys::lock::{Lock, wait_while, wake};
use crate::sys::notify::Listener;
use crate::sys::once::Once;
use crate::sys::process::{self, Limit, Status};
use crate::sys::spawn::{self, Board};
use crate::sys::thread::{self, Stack};
use crate::sys::{self, Errno, bell, program, signal};

/// What it is called.
const NAME: &CStr = c"rpledge-broker";

/// A broker that waits to be told its listener.
pub struct Start {
    pid: u32,
    /// Tells when it ends, where there is a descriptor left for that.
    process: Option<Fd>,
    board: &'static Board,
    memory: [Fd; 2],
    image: Option<Fd>,
    blocked: u64,
    label: Limit,
}

/// What a broker must know to begin.
#[derive(Clone, Copy)]
struct Plan {
    board: &'static Board,
    /// The process that starts it, and its descriptors of its memory.
    first: u32,
    memory: [i32; 2],
    /// The program that it goes on as.
    image: Option<i32>,
    state: State,
    changes_user: bool,
}

static PLAN: Lock<Option<Plan>> = Lock::new(None);

/// So many times faster than the program is written and executed, a fork copies
/// the tables of as much memory.
const FASTER: usize = 16;
/// And a larger program is never written.
const LARGEST: usize = 8 << 20;
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
    let mut plan = Plan {
        board,
        first: sys::pid(),
        memory: memory.each_ref().map(Fd::number),
        image: None,
        state,
        changes_user,
    };
    *PLAN.take() = Some(plan);
    let image = image();
    let blocked = spawn::block_signals();
    let apart = image.as_ref().and_then(|image| start_apart(plan, image));
    let made = match (apart, &image) {
        (Some(pid), _) => Ok(pid),
        (None, None) => spawn::fork(),
        (None, Some(_)) => leave_board(&mut plan).and_then(|()| spawn::fork()),
    };
    let board = plan.board;
    // Who has the place of another broker's file has none of its own.
    let image = image.filter(|_| apart.is_some());
    match made {
        Ok(0) => be_copy(plan),
        Ok(pid) => {
            spawn::let_look(pid);
            Ok(Start {
                pid,
                // The listener needs a descriptor more than this one.
                process: process::open(pid).ok().filter(|fd| fd.duplicate().is_ok()),
                board,
                memory,
                image,
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

/// A broker that will execute its program. After that any wait of its parent's
/// would see it; so its parent is one that ends at once.
fn start_apart(plan: Plan, image: &Fd) -> Option<u32> {
    let Board { pid, is_there, .. } = plan.board;
    PLAN.take().insert(plan).image = Some(image.number());
    let (between, stack) = thread::start_process(&PLAN, leave_a_child, &is_there[0]).ok()?;
    spawn::reap(between);
    stack.unmap();
    Some(pid.load(Ordering::Acquire)).filter(|pid| *pid != 0)
}

/// Go on with another board. Of one that was killed at any moment nobody knows
/// whether it has made somebody, who gives up now, or only said so, which nobody
/// would ever take back.
fn leave_board(plan: &mut Plan) -> Result<(), Errno> {
    let told = &plan.board.told;
    told.store(GIVE_UP, Ordering::Release);
    wake(told, 1);
    plan.board = spawn::board()?;
    Ok(())
}

/// The way of the process between.
extern "C" fn leave_a_child(plan: &'static Lock<Option<Plan>>) -> ! {
    let planned = *plan.take();
    if let Some(Plan { board, .. }) = planned
        && let Ok((pid, stack)) = thread::start_process(plan, go_apart, &board.is_there[1])
    {
        board.stack.store(stack.base(), Ordering::Release);
        board.pid.store(pid, Ordering::Release);
    }
    sys::exit_group(0)
}

/// A program for the broker, where that is better than a copy of this process
/// and nobody seems to be against it: of another's filter nobody knows what it
/// does to who executes something, and who adopts children would see this one.
fn image() -> Option<Fd> {
    if sys::is_filtered() || spawn::adopts() {
        return None;
    }
    let memory = Status::own_memory().ok()?;
    let image = program::make(NAME, arrive, LARGEST.min(memory / FASTER)).ok()?;
    // The listener needs a descriptor too.
    image.duplicate().ok().map(|_| image)
}

impl Start {
    /// The filter is there: give the broker its listener. False if there is
    /// none after all, and every call that asks for one fails.
    pub fn go(self, listener: i32) -> bool {
        let Board {
            told,
            done,
            is_there: [_, is_there],
            ..
        } = self.board;
        told.store(listener as u32 + 1, Ordering::Release);
        wake(told, 1);
        for _ in 0..PATIENCE {
            let has_ended = self.process.as_ref().is_some_and(process::has_ended);
            if has_ended || done.load(Ordering::Acquire) != 0 {
                break;
            }
            wait_while(done, 0);
        }
        spawn::close_by_door(listener);
        let [memory, maps] = self.memory;
        let own = [Some(memory), Some(maps), self.image, self.process];
        for fd in own.into_iter().flatten() {
            spawn::close_by_door(fd.keep());
        }
        wait_until_gone(is_there);
        // Who is served has a broker that has shed all that it came with.
        let serves = sys::inquire(STATE, 0).is_ok();
        signal::restore_mask(self.blocked);
        serves
    }

    /// There is no filter to listen to: all is as before.
    pub fn give_up(self) {
        let Board {
            told,
            stack,
            is_there: [_, is_there],
            ..
        } = self.board;
        told.store(GIVE_UP, Ordering::Release);
        wake(told, 1);
        match stack.load(Ordering::Acquire) {
            0 => spawn::reap(self.pid),
            base => {
                wait_until_gone(is_there);
                Stack::at(base).unmap();
            }
        }
        spawn::forget(self.board);
        state::restore_label(self.label);
        signal::restore_mask(self.blocked);
    }
}

/// Until nobody runs in this memory that the word stands for.
fn wait_until_gone(is_there: &AtomicU32) {
    while is_there.load(Ordering::Acquire) != 0 {
        wait_while(is_there, 1);
    }
}

/// The way of a copy of the process.
fn be_copy(plan: Plan) -> ! {
    let Some(listener) = told(&plan, || spawn::parent() == plan.first) else {
        sys::exit_group(0);
    };
    let [memory, maps] = plan.memory;
    let shed = spawn::own_descriptors(&[listener, memory, maps]);
    tell(&plan, shed.is_ok());
    match shed {
        Ok(()) => {
            spawn::forget(plan.board);
            be(plan)
        }
        Err(_) => sys::exit_group(1),
    }
}

/// The way of a process that runs in the memory of the first, which goes on as
/// a program or, where nobody lets it, as a copy.
extern "C" fn go_apart(plan: &'static Lock<Option<Plan>>) -> ! {
    let Some(
        plan @ Plan {
            image: Some(image), ..
        },
    ) = *plan.take()
    else {
        sys::exit_group(1);
    };
    let Some(listener) = told(&plan, || process::shares_memory(plan.first)) else {
        sys::exit_group(0);
    };
    let [memory, maps] = plan.memory;
    let shed = spawn::own_descriptors(&[listener, memory, maps, image]);
    tell(&plan, shed.is_ok());
    if shed.is_ok() {
        program::execute(IMAGE, NAME);
        if spawn::fork_apart() == Ok(0) {
            spawn::forget(plan.board);
            arrive();
        }
    }
    sys::exit_group(1);
}

/// Where the program's file is, behind what every broker keeps.
const IMAGE: i32 = 3;

/// The first step of the program.
extern "C" fn arrive() -> ! {
    drop(Fd::of(IMAGE as usize));
    let plan = *PLAN.take();
    match plan {
        Some(plan) => be(plan),
        None => sys::exit_group(1),
    }
}

/// Say whether what is the process's is its own again.
fn tell(Plan { board, .. }: &Plan, is_done: bool) {
    board
        .done
        .store(if is_done { READY } else { FAILED }, Ordering::Release);
    wake(&board.done, 1);
}

fn be(plan: Plan) -> ! {
    serve(plan.first, plan.state, plan.changes_user, 0)
}

/// The broker's own way, once it has nothing but what it keeps.
pub(super) fn serve(first: u32, state: State, changes_user: bool, tracer: u32) -> ! {
    let tells_of_end = Listener::tells_of_end();
    let holds_sockets = landlock::abi().is_ok_and(|abi| abi >= landlock::SOCKETS_ABI);
    // Without it calls that wait are made as well.
    let _ = bell::hang();
    let ready = spawn::hide(NAME).and_then(|()| confine::confine(crate::table::TABLE.audit));
    let listener = Listener(0);
    let _ = STATES.take().number(state);
    SHARED.get_or_make(|| Shared {
        listener,
        first,
        memory: 1,
        maps: 2,
        asks_all: state.is_unbound,
        changes_user,
        tracer,
        tells_of_end,
        holds_sockets,
    });
    let (Ok(()), Some(shared)) = (ready, SHARED.get()) else {
        sys::exit_group(1);
    };
    listener.wake_in_turn();
    run(shared)
}

/// The listener's number in the table that is shared still; none if who tells it
/// is gone.
fn told(Plan { board, .. }: &Plan, is_there: impl Fn() -> bool) -> Option<i32> {
    loop {
        match board.told.load(Ordering::Acquire) {
            0 if !is_there() => return None,
            0 => wait_while(&board.told, 0),
            GIVE_UP => return None,
            number => return Some(number as i32 - 1),
        }
    }
}
