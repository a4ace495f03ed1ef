// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls of unveil(): rules kept until they are locked, and then put in force by Landlock.
//!
//! OpenBSD's rules may be replaced and widened until they are locked, and
//! Landlock only narrows, so nothing is in force before unveil(NULL, NULL), or
//! a pledge() that gives "unveil" up, or a call that asks for it.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::broker;
use crate::error::Error;
use crate::error::veil::{Named, Veil as Failure, named};
use crate::landlock;
use crate::letters::Letters;
use crate::policy::{Held, Mode};
use crate::promise::Promise;
use crate::sys::Scope;
use crate::sys::directory::{self, Kind, Place};
use crate::sys::once::Turns;
use crate::veil::filter::Mediation;
use crate::veil::{DIRECTORIES_MAX, Id, Veil, told};

mod force;
mod lookup;
mod mediate;

pub use force::{Ready, prepare};
use force::{With, enforce};
pub use lookup::PATH_MAX;
use lookup::{Buffers, Found};

/// How a call is meant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// Put the rules in force, and do not wait for the lock.
    pub now: bool,
    /// Allow less where Landlock cannot hold a rule, rather than fail.
    pub less: bool,
    /// Fail where names and attributes can be seen, which is always.
    pub strict: bool,
}

impl Flags {
    pub const STRICT: u64 = 1 << 5;
    pub const NOW: u64 = 1 << 8;
    pub const LESS: u64 = 1 << 9;
    /// Those that mean nothing to pledge().
    pub const OWN: u64 = Flags::NOW | Flags::LESS;

    /// Read them; a bit without a meaning is an error.
    pub fn from_bits(bits: u64) -> Result<Flags, Error> {
        let unknown = bits & !(Flags::STRICT | Flags::OWN);
        if unknown != 0 {
            return Err(Error::Flags(unknown));
        }
        Ok(Flags {
            now: bits & Flags::NOW != 0,
            less: bits & Flags::LESS != 0,
            strict: bits & Flags::STRICT != 0,
        })
    }
}

/// What is in force.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Status {
    /// Landlock's ABI, if it holds rules; otherwise 0.
    pub abi: u32,
    /// A broker holds them, and how.
    pub mediated: Option<Mediation>,
    /// There are rules that are not in force.
    pub waits: bool,
    /// No more rules are taken.
    pub is_locked: bool,
}

/// The rules, and what stands for their directories.
struct State {
    /// As they were given.
    veil: Veil,
    /// As they are about to be put in force.
    next: Veil,
    /// As they were put in force, if they were.
    held: Veil,
    /// The directory of each list that is next above another, once looked for.
    above: [Option<u8>; DIRECTORIES_MAX],
    /// A descriptor for each directory of `veil`, until the lock.
    kept: [i32; DIRECTORIES_MAX],
    /// Beginnings of paths, for messages.
    paths: [Named; DIRECTORIES_MAX],
    buffers: Buffers,
    /// What a broker is told.
    told: [u8; told::MOST],
    status: Status,
}

static STATE: Turns<State> = Turns::new(State {
    veil: Veil::EMPTY,
    next: Veil::EMPTY,
    held: Veil::EMPTY,
    above: [None; DIRECTORIES_MAX],
    kept: [0; DIRECTORIES_MAX],
    paths: [Named::EMPTY; DIRECTORIES_MAX],
    buffers: Buffers::EMPTY,
    told: [0; told::MOST],
    status: Status {
        abi: 0,
        mediated: None,
        waits: false,
        is_locked: false,
    },
});

/// Was a rule ever given? Then the state has to be looked at, and a fork may
/// have lost the thread that was at it.
static GIVEN: AtomicBool = AtomicBool::new(false);

/// The flags with which pledge() puts rules in force.
static DEFAULTS: AtomicU64 = AtomicU64::new(0);

/// Set them.
pub fn set_defaults(bits: u64) {
    DEFAULTS.store(bits & (Flags::STRICT | Flags::OWN), Ordering::Relaxed);
}

/// The flags that were set.
pub fn defaults() -> Flags {
    Flags::from_bits(DEFAULTS.load(Ordering::Relaxed)).unwrap_or_default()
}

fn in_turn<R>(act: impl FnOnce(&mut State) -> Result<R, Error>) -> Result<R, Error> {
    STATE.take(|state| match state {
        Some(state) => act(state),
        None => Err(Failure::Busy.into()),
    })
}

/// What is in force for the process, as far as it was this library's doing.
pub fn status() -> Status {
    in_turn(|state| Ok(state.status)).unwrap_or_default()
}

/// May rules be given at all? Before any argument is looked at.
pub fn check() -> Result<(), Error> {
    check_promise()?;
    match status().is_locked {
        true => Err(Failure::Locked.into()),
        false => Ok(()),
    }
}

/// Without the promise the call is a violation, which the filter raises.
fn check_promise() -> Result<(), Error> {
    let Some(held) = broker::held::held() else {
        return Ok(());
    };
    if held.promises.contains(Promise::Unveil) {
        return Ok(());
    }
    landlock::ask();
    match held.mode {
        Mode::Log => Ok(()),
        _ => Err(Failure::Promise.into()),
    }
}

/// Give a rule: `path` writes where into a buffer and says how long it is.
pub fn add(
    letters: &[u8],
    path: impl FnOnce(&mut [u8]) -> Result<usize, Error>,
    flags: Flags,
) -> Result<(), Error> {
    GIVEN.store(true, Ordering::Relaxed);
    in_turn(|state| {
        if state.status.is_locked {
            return Err(Failure::Locked.into());
        }
        let len = path(&mut state.buffers.path)?;
        if len == 0 {
            return Err(Failure::Empty.into());
        }
        let path = named(&state.buffers.path[..len]);
        let found = lookup::find(&mut state.buffers, len).map_err(|errno| match errno {
            // As OpenBSD has it: what cannot be searched is not there.
            libc::EACCES => Failure::Lookup(libc::ENOENT),
            errno => Failure::Lookup(errno),
        })?;
        let letters = Letters::parse(letters).ok_or(Failure::Letter)?;
        let (veil, held) = (&mut state.veil, (&state.held, &state.above[..]));
        let before = veil.directories().len();
        let (place, at) = match found {
            Found::Directory(place) => {
                let id = id(&place)?;
                check_narrower(held, (&place, id), None, letters)?;
                (place, veil.set_directory(id, letters))
            }
            Found::Name(parent, name) => {
                let id = id(&parent)?;
                check_narrower(held, (&parent, id), Some(name), letters)?;
                (parent, veil.set_name(id, name, letters))
            }
        };
        let at = at.map_err(|_| Failure::Full)?;
        if veil.directories().len() > before {
            state.kept[at] = place.keep();
            state.paths[at] = path;
        }
        state.status.waits = true;
        if flags.now {
            enforce(state, Scope::Process, flags, With::Nobody).map(|_| ())
        } else {
            Ok(())
        }
    })
}

/// Take no more rules, and put those that there are in force.
pub fn lock(flags: Flags) -> Result<(), Error> {
    check_promise()?;
    in_turn(|state| {
        if state.status.waits {
            enforce(state, Scope::Process, flags, With::Nobody)?;
        }
        state.lock();
        Ok(())
    })
}

/// Promises that reach a path, so that rules matter under them.
const REACHING: [Promise; 8] = [
    Promise::Rpath,
    Promise::Wpath,
    Promise::Cpath,
    Promise::Dpath,
    Promise::Tmppath,
    Promise::Exec,
    Promise::Unix,
    Promise::Unveil,
];

/// What pledge() does before it loads a filter for `next`: where that gives
/// "unveil" up, no more rules can be given, so they are put in force; or
/// forgotten, where nothing promised reaches a path. What the filter has to do
/// for that is returned, and then [`after_pledge`] must be called.
pub fn before_pledge(
    next: Held,
    scope: Scope,
    has_broker: bool,
) -> Result<Option<Mediation>, Error> {
    if next.promises.contains(Promise::Unveil) || !GIVEN.load(Ordering::Relaxed) {
        return Ok(None);
    }
    // Whoever cannot look at the rules must not go on without them.
    in_turn(|state| {
        if !state.status.waits {
            return Ok(None);
        }
        let mut left = None;
        if !reaches(next) {
            state.veil = Veil::EMPTY;
            state.status.waits = false;
        } else {
            let with = With::Pledge { has_broker };
            left = enforce(state, scope, defaults(), with)?;
        }
        if scope == Scope::Process && left.is_none() {
            state.lock();
        }
        Ok(left)
    })
}

/// The filter is in force, and its broker hears the rules.
pub fn after_pledge(mediation: Mediation) -> Result<(), Error> {
    in_turn(|state| {
        mediate::tell(state, mediation)?;
        state.status.waits = false;
        state.lock();
        Ok(())
    })
}

/// Are there rules that are not in force?
pub fn waits() -> bool {
    GIVEN.load(Ordering::Relaxed) && status().waits
}

/// Do rules matter under these promises?
fn reaches(next: Held) -> bool {
    next.mode == Mode::Log || REACHING.iter().any(|p| next.promises.contains(*p))
}

/// May a broker have to hold rules of a process that begins with these promises?
pub fn may_ask(next: Held) -> bool {
    let is_later = next.promises.contains(Promise::Unveil);
    is_later || waits() && reaches(next)
}

impl State {
    fn lock(&mut self) {
        if !self.status.is_locked {
            self.status.is_locked = true;
            for kept in &self.kept[..self.veil.directories().len()] {
                directory::close(*kept);
            }
        }
    }
}

fn id(place: &Place) -> Result<Id, Error> {
    let Kind { device, inode, .. } = place.kind().map_err(Failure::Lookup)?;
    Ok(Id { device, inode })
}

/// The listed directory that is next above a place.
fn climb(veil: &Veil, from: &Place) -> Result<Option<usize>, Error> {
    let mut at = id(from)?;
    let mut here = Place::open(from.descriptor(), c"..", true);
    loop {
        let place = match here {
            // A broker hides it already, and so no rule above can be found.
            Err(libc::ENOENT) => return Ok(None),
            here => here.map_err(Failure::Lookup)?,
        };
        let next = id(&place)?;
        if next == at {
            return Ok(None);
        }
        if let Some(found) = veil.find(next) {
            return Ok(Some(found));
        }
        at = next;
        here = Place::open(place.descriptor(), c"..", true);
    }
}

/// What is in force cannot be widened.
fn check_narrower(
    (held, above): (&Veil, &[Option<u8>]),
    (place, own): (&Place, Id),
    name: Option<&[u8]>,
    letters: Letters,
) -> Result<(), Error> {
    if held.is_empty() {
        return Ok(());
    }
    let named = name.and_then(|name| held.name_letters(own, name));
    let in_force = match named {
        Some(letters) => letters,
        None => {
            let itself = held.find(own);
            let next = if itself.is_some() {
                itself
            } else {
                climb(held, place)?
            };
            held.letters_from(next, above)
        }
    };
    match in_force.has(letters) {
        true => Ok(()),
        false => Err(Failure::Regain { in_force }.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promise::Set;

    #[test]
    fn a_pledge_without_rules_waits_for_nobody() {
        let next = Held {
            promises: Set::EMPTY.with(Promise::Stdio),
            exec: None,
            mode: Mode::Abort,
            thread_only: false,
            brokered: false,
            is_unbound: false,
        };
        let before = |given| {
            GIVEN.store(given, Ordering::Relaxed);
            // As a fork leaves it that came while a thread was at it.
            STATE.take(|_| before_pledge(next, Scope::Process, false))
        };
        assert_eq!(before(true), Err(Failure::Busy.into()));
        assert_eq!(before(false), Ok(None));
    }
}
