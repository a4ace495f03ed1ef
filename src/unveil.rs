// SPDX-License-Identifier: MIT OR Apache-2.0
//! The calls of unveil(): rules kept until they are locked, and then put in force by Landlock.
//!
//! OpenBSD's rules may be replaced and widened until they are locked, and
//! Landlock only narrows, so nothing is in force before unveil(NULL, NULL), or
//! a pledge() that gives "unveil" up, or a call that asks for it.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::broker;
use crate::error::Error;
use crate::error::veil::{Named, Veil as Failure, named};
use crate::host;
use crate::landlock::{self, Landlock, Ruleset};
use crate::letters::Letters;
use crate::policy::{Held, Mode};
use crate::promise::{Promise, Set};
use crate::sys::directory::{self, Kind, Place};
use crate::sys::once::Turns;
use crate::sys::{self, Scope};
use crate::veil::filter::Filter;
use crate::veil::{Beyond, DIRECTORIES_MAX, Id, Rule, Veil};

mod lookup;

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
    /// Landlock's ABI, if rules are in force; otherwise 0.
    pub abi: u32,
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
    status: Status {
        abi: 0,
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
            enforce(state, Scope::Process, flags)
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
            enforce(state, Scope::Process, flags)?;
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
/// forgotten, where nothing promised reaches a path.
pub fn before_pledge(next: Held, scope: Scope) -> Result<(), Error> {
    if next.promises.contains(Promise::Unveil) || !GIVEN.load(Ordering::Relaxed) {
        return Ok(());
    }
    // Whoever cannot look at the rules must not go on without them.
    in_turn(|state| {
        if !state.status.waits {
            return Ok(());
        }
        let reaches = REACHING.iter().any(|p| next.promises.contains(*p));
        if !reaches && next.mode != Mode::Log {
            state.veil = Veil::EMPTY;
            state.status.waits = false;
        } else {
            enforce(state, scope, defaults())?;
        }
        if scope == Scope::Process {
            state.lock();
        }
        Ok(())
    })
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
        let place = here.map_err(Failure::Lookup)?;
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

/// Rules as the kernel takes them, in force for nobody yet.
pub struct Prepared {
    pub ruleset: Ruleset,
    /// What refuses calls by their numbers; none where all can be changed.
    pub filter: Option<Filter>,
    pub landlock: Landlock,
}

/// The rules that were given, for another process to be held to.
pub fn prepare(flags: Flags) -> Result<Prepared, Error> {
    in_turn(|state| state.prepare(flags))
}

/// Hold the process, or a thread, to the rules that there are.
fn enforce(state: &mut State, scope: Scope, flags: Flags) -> Result<(), Error> {
    let is_pledged = broker::held::held().is_some();
    let Prepared {
        ruleset,
        filter,
        landlock,
    } = state.prepare(flags)?;
    let all_threads = scope == Scope::Process && landlock.restricts_threads();
    if scope == Scope::Process && !all_threads {
        match landlock::threads(is_pledged)? {
            1 => {}
            count => return Err(Failure::Threads(count).into()),
        }
    }
    if !is_pledged {
        // What a later pledge() would look for is hidden from it then.
        host::prepare(Set::EMPTY.with(Promise::Stdio));
    }
    sys::set_no_new_privs().map_err(Error::Kernel)?;
    if let Some(filter) = filter {
        match sys::load_filter(filter.insns(), scope) {
            Ok(0) => {}
            Ok(other) => return Err(Error::Thread(other as u32)),
            Err(errno) => return Err(Error::Kernel(errno)),
        }
    }
    ruleset.restrict(all_threads).map_err(|errno| match errno {
        libc::E2BIG => Failure::Layers,
        errno => Failure::Kernel(errno),
    })?;
    if scope == Scope::Process {
        state.held = state.next;
        (state.status.abi, state.status.waits) = (landlock.abi, false);
    }
    Ok(())
}

impl State {
    fn prepare(&mut self, flags: Flags) -> Result<Prepared, Error> {
        if flags.strict {
            return Err(Failure::Partial.into());
        }
        let landlock = Landlock::find()?;
        self.look_above()?;
        self.next = self.veil;
        let beyond = self
            .next
            .landlock(&self.above, |name| self.file(name).is_some());
        if let Some(beyond) = beyond {
            if !flags.less {
                return Err(self.explain(beyond).into());
            }
            self.next.lessen(&self.above);
        }
        let everything = self.changes_everything()?;
        Ok(Prepared {
            ruleset: self.ruleset(landlock)?,
            filter: (!everything).then(|| Filter::new(landlock.abi)),
            landlock,
        })
    }

    /// Which listed directory is next above each, as things are now; each must
    /// still be held by its descriptor.
    fn look_above(&mut self) -> Result<(), Error> {
        for (n, directory) in self.veil.directories().iter().enumerate() {
            let place = Place::kept(self.kept[n]);
            if id(&place) != Ok(directory.id) {
                return Err(Failure::Lost(self.paths[n]).into());
            }
            self.above[n] = climb(&self.veil, &place)?.map(|found| found as u8);
        }
        Ok(())
    }

    /// The file of a name, if there is one and it is no directory.
    fn file(&self, name: usize) -> Option<Place> {
        let name = &self.veil.names()[name];
        let mut text = [0; crate::veil::NAME_BYTES + 1];
        text[..name.bytes().len()].copy_from_slice(name.bytes());
        let directory = self.kept[usize::from(name.directory)];
        let text = CStr::from_bytes_until_nul(&text).ok()?;
        let place = Place::open(directory as usize, text, false).ok()?;
        let kind = place.kind().ok()?;
        (!kind.is_directory && !kind.is_link).then_some(place)
    }

    fn explain(&self, beyond: Beyond) -> Failure {
        let name = |n: usize| named(self.veil.names()[n].bytes());
        match beyond {
            Beyond::Narrower(Rule::Directory(n)) => Failure::Narrower(self.paths[n]),
            Beyond::Narrower(Rule::Name(n)) => Failure::Narrower(name(n)),
            Beyond::Executes(n) => Failure::Executes(self.paths[n]),
            Beyond::Makes(n) => Failure::Makes(name(n)),
            Beyond::Missing(n) => Failure::Missing(name(n)),
        }
    }

    /// The rules of `next` as Landlock takes them.
    fn ruleset(&self, landlock: Landlock) -> Result<Ruleset, Error> {
        let ruleset = landlock.ruleset()?;
        let grant = |place: &Place, letters, is_directory| {
            match landlock.granted(letters, is_directory) {
                // Landlock takes no rule that grants nothing.
                0 => Ok(()),
                rights => ruleset.grant(place, rights).map_err(Failure::Kernel),
            }
        };
        for (n, directory) in self.next.directories().iter().enumerate() {
            let place = Place::kept(self.kept[n]);
            grant(&place, directory.letters.unwrap_or_default(), true)?;
        }
        for (n, name) in self.next.names().iter().enumerate() {
            if let Some(file) = self.file(n) {
                grant(&file, name.letters, false)?;
            }
        }
        Ok(ruleset)
    }

    /// Can all files be changed? Then nothing needs to be refused by number.
    fn changes_everything(&self) -> Result<bool, Error> {
        let root = Place::open(Place::HERE, c"/", true).map_err(Failure::Lookup)?;
        let root = self.next.find(id(&root)?);
        let letters = root.and_then(|root| self.next.directories()[root].letters);
        Ok(letters.is_some_and(|letters| letters.has(Letters::W)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pledge_without_rules_waits_for_nobody() {
        let next = Held {
            promises: Set::EMPTY.with(Promise::Stdio),
            exec: None,
            mode: Mode::Abort,
            thread_only: false,
            brokered: false,
        };
        let before = |given| {
            GIVEN.store(given, Ordering::Relaxed);
            // As a fork leaves it that came while a thread was at it.
            STATE.take(|_| before_pledge(next, Scope::Process))
        };
        assert_eq!(before(true), Err(Failure::Busy.into()));
        assert_eq!(before(false), Ok(()));
    }
}
