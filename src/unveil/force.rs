// SPDX-License-Identifier: MIT OR Apache-2.0
//! Rules are put in force: by Landlock alone where it can hold them, else by a broker.

use core::ffi::CStr;

use super::mediate::{self, Below};
use super::{Flags, State, climb, id, in_turn};
use crate::broker;
use crate::error::Error;
use crate::error::veil::{Veil as Failure, named};
use crate::host;
use crate::landlock::{self, Landlock, Ruleset};
use crate::letters::Letters;
use crate::promise::{Promise, Set};
use crate::sys::directory::Place;
use crate::sys::{self, Scope};
use crate::veil::filter::{Filter, Mediation};
use crate::veil::{Beyond, Rule, told};

/// Before this ABI open(2) truncates files whatever the rules are.
const TRUNCATE_ABI: u32 = 3;

/// Rules as the kernel takes them, in force for nobody yet.
struct Prepared {
    ruleset: Ruleset,
    /// What refuses calls by their numbers; none where all can be changed.
    filter: Option<Filter>,
    landlock: Landlock,
}

/// Rules for another process, in force for nobody yet.
pub struct Ready {
    /// What Landlock holds of them.
    pub landlock: Option<(Ruleset, Landlock)>,
    /// What goes with it where it holds them alone.
    pub filter: Option<Filter>,
    /// A broker has to hold them, and how.
    pub mediation: Option<Mediation>,
}

/// The rules that were given, for another process of one thread; a broker of
/// its own hears what is `told` to it.
pub fn prepare(flags: Flags, told: &mut [u8; told::MOST]) -> Result<Ready, Error> {
    in_turn(|state| match state.choose(Scope::Process, flags, false)? {
        Way::Landlock(landlock) => {
            let Prepared {
                ruleset, filter, ..
            } = state.prepare(landlock)?;
            Ok(Ready {
                landlock: Some((ruleset, landlock)),
                filter,
                mediation: None,
            })
        }
        Way::Broker(mediation, below) => {
            told::tell(&state.veil, &state.kept, !mediation.alone, told);
            Ok(Ready {
                landlock: match below {
                    Below::Landlock(ruleset, landlock) => Some((ruleset, landlock)),
                    Below::Nothing => None,
                },
                filter: None,
                mediation: Some(mediation),
            })
        }
    })
}

/// Who holds the rules.
enum Way {
    Landlock(Landlock),
    Broker(Mediation, Below),
}

/// Who has a broker already, or is about to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// A pledge(), whose filter will have a listener.
    Pledge {
        has_broker: bool,
    },
    Nobody,
}

/// Hold the process, or a thread, to the rules that there are. What a filter of
/// pledge() has to do for that is returned.
pub fn enforce(
    state: &mut State,
    scope: Scope,
    flags: Flags,
    with: With,
) -> Result<Option<Mediation>, Error> {
    let is_pledged = broker::held::held().is_some();
    let way = state.choose(scope, flags, is_pledged)?;
    if !is_pledged {
        // What a later pledge() would look for is hidden from it then.
        host::prepare(Set::EMPTY.with(Promise::Stdio));
    }
    let (abi, left) = match way {
        Way::Landlock(landlock) => (hold(scope, &state.prepare(landlock)?)?, None),
        Way::Broker(mediation, below) => {
            state.status.mediated = Some(mediation);
            (
                below.abi(),
                mediate::mediate(state, mediation, below, with)?,
            )
        }
    };
    if scope == Scope::Process {
        state.held = state.next;
        state.status.abi = abi;
        state.status.waits = left.is_some();
    }
    Ok(left)
}

/// By Landlock, and a filter for what it does not look at.
fn hold(scope: Scope, prepared: &Prepared) -> Result<u32, Error> {
    sys::set_no_new_privs().map_err(Error::Kernel)?;
    if let Some(filter) = &prepared.filter {
        load(filter, scope)?;
    }
    let all_threads = scope == Scope::Process && prepared.landlock.restricts_threads();
    restrict(&prepared.ruleset, all_threads)?;
    Ok(prepared.landlock.abi)
}

pub fn load(filter: &Filter, scope: Scope) -> Result<(), Error> {
    match sys::load_filter(filter.insns(), scope) {
        Ok(0) => Ok(()),
        Ok(other) => Err(Error::Thread(other as u32)),
        Err(errno) => Err(Error::Kernel(errno)),
    }
}

pub fn restrict(ruleset: &Ruleset, all_threads: bool) -> Result<(), Error> {
    let done = ruleset.restrict(all_threads);
    done.map_err(|errno| match errno {
        libc::E2BIG => Failure::Layers.into(),
        errno => Failure::Kernel(errno).into(),
    })
}

impl State {
    /// By Landlock if it can, or may allow less; else by a broker.
    fn choose(&mut self, scope: Scope, flags: Flags, is_pledged: bool) -> Result<Way, Error> {
        let landlock = Landlock::find();
        let beyond = self.look(flags)?;
        let reaches = match landlock {
            Ok(landlock) if scope == Scope::Thread || landlock.restricts_threads() => Ok(()),
            Ok(_) => match landlock::threads(is_pledged) {
                Ok(1) => Ok(()),
                Ok(count) => Err(Failure::Threads(count)),
                Err(error) => Err(error),
            },
            Err(error) => Err(error),
        };
        if !flags.strict && (flags.less || scope == Scope::Thread) {
            reaches?;
            if let Some(beyond) = beyond {
                return Err(self.explain(beyond).into());
            }
            return Ok(Way::Landlock(landlock?));
        }
        if scope == Scope::Thread {
            return Err(Failure::Partial.into());
        }
        if let Ok(landlock) = landlock
            && reaches.is_ok()
            && beyond.is_none()
            && landlock.abi >= TRUNCATE_ABI
            && !flags.strict
            && self.status.mediated.is_none()
        {
            return Ok(Way::Landlock(landlock));
        }
        let below = match (landlock, reaches) {
            (Ok(landlock), Ok(())) => self.below(landlock)?,
            _ => Below::Nothing,
        };
        let mediation = Mediation {
            strict: flags.strict,
            alone: matches!(below, Below::Nothing),
        };
        Ok(Way::Broker(mediation, below))
    }

    /// The rules as they are to be put in force, and what Landlock cannot hold
    /// of them.
    fn look(&mut self, flags: Flags) -> Result<Option<Beyond>, Error> {
        self.look_above()?;
        self.next = self.veil;
        let beyond = self
            .next
            .landlock(&self.above, |name| self.file(name).is_some());
        if beyond.is_none() || !flags.less || flags.strict {
            return Ok(beyond);
        }
        self.next.lessen(&self.above);
        Ok(None)
    }

    fn prepare(&self, landlock: Landlock) -> Result<Prepared, Error> {
        let everything = self.changes_everything()?;
        Ok(Prepared {
            ruleset: self.ruleset(landlock, |letters, is_directory| {
                landlock.granted(letters, is_directory)
            })?,
            filter: (!everything).then(|| Filter::new(landlock.abi)),
            landlock,
        })
    }

    /// What lies below a broker: nothing that it did not open can be opened,
    /// but to be executed.
    fn below(&mut self, landlock: Landlock) -> Result<Below, Error> {
        self.next.lessen(&self.above);
        let ruleset = self.ruleset(landlock, |letters, _| match letters.has(Letters::X) {
            true => landlock.executed(),
            false => 0,
        });
        self.next = self.veil;
        Ok(Below::Landlock(ruleset?, landlock))
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
    fn ruleset(
        &self,
        landlock: Landlock,
        granted: impl Fn(Letters, bool) -> u64,
    ) -> Result<Ruleset, Error> {
        let ruleset = landlock.ruleset()?;
        let grant = |place: &Place, letters, is_directory| {
            match granted(letters, is_directory) {
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
