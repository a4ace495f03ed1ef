// SPDX-License-Identifier: MIT OR Apache-2.0
//! The way of rules that Landlock cannot hold: a broker has them, and is asked for every path.

use super::State;
use super::force::{With, load, restrict};
use crate::broker::state::{AWAITED, State as Label};
use crate::broker::{start, user};
use crate::error::Error;
use crate::error::veil::Veil as Failure;
use crate::landlock::{Landlock, Ruleset};
use crate::policy::{ANSWERS, Broker, Policy, STATE, VEIL};
use crate::seccomp;
use crate::sys::{self, Scope, spawn};
use crate::table::TABLE;
use crate::veil::filter::{Filter, Mediation};
use crate::veil::told::tell as write;

/// What lies below a broker.
pub enum Below {
    Nothing,
    /// Rules by which only what has x is executed.
    Landlock(Ruleset, Landlock),
}

impl Below {
    pub fn abi(&self) -> u32 {
        match self {
            Below::Nothing => 0,
            Below::Landlock(_, landlock) => landlock.abi,
        }
    }

    fn restrict(&self) -> Result<(), Error> {
        match self {
            Below::Nothing => Ok(()),
            Below::Landlock(ruleset, landlock) => restrict(ruleset, landlock.restricts_threads()),
        }
    }
}

/// Have a broker hold the rules: that of this process, or a new one. What a
/// pledge() has yet to do is returned.
pub fn mediate(
    state: &mut State,
    mediation: Mediation,
    below: Below,
    with: With,
) -> Result<Option<Mediation>, Error> {
    let newest = seccomp::newest();
    // Before anything is done that cannot be taken back.
    if newest.is_none() && spawn::is_listened_to() {
        return Err(Error::Start(libc::EBUSY));
    }
    match (newest, with) {
        (None, With::Pledge { has_broker: true }) => {
            sys::set_no_new_privs().map_err(Error::Kernel)?;
            below.restrict()?;
            Ok(Some(mediation))
        }
        (None, With::Pledge { .. }) => Err(Failure::Unserved.into()),
        (None, With::Nobody) => begin(state, mediation, &below).map(|()| None),
        (Some(held), _) if held.brokered => go_on(state, mediation, &below).map(|()| None),
        (Some(_), _) => Err(Failure::Unserved.into()),
    }
}

/// The first filter of this process, and a broker that listens to it.
fn begin(state: &mut State, mediation: Mediation, below: &Below) -> Result<(), Error> {
    let label = Label {
        veil: AWAITED,
        ..Label::free()
    };
    let start = start::begin(label, user::may_change()).map_err(Error::Start)?;
    let answers = answers();
    let filter = Filter::listened(mediation, &answers);
    let loaded = sys::set_no_new_privs()
        .map_err(Error::Kernel)
        .and_then(|()| {
            sys::load_listened_filter(filter.insns()).map_err(|errno| match errno {
                libc::ESRCH => Error::Thread(seccomp::thread_apart()),
                errno => Error::Start(errno),
            })
        });
    match loaded {
        // Whoever is told no rules is let through, so the rest may fail.
        Ok(listener) => match start.go(listener) {
            true => below.restrict().and_then(|()| tell(state, mediation)),
            false => Err(Error::Start(libc::ECHILD)),
        },
        Err(error) => {
            start.give_up();
            Err(error)
        }
    }
}

/// What the library asks of the filter of who has promised nothing.
fn answers() -> [u16; ANSWERS] {
    let Label { promises, .. } = Label::free();
    let policy = Policy::of(&TABLE, &[], promises);
    policy.with_broker(Broker::Here).answers()
}

/// Where there is a broker: it hears the rules before a filter sends it paths.
fn go_on(state: &mut State, mediation: Mediation, below: &Below) -> Result<(), Error> {
    let label = Label::from_parts(|n| sys::inquire(STATE, n).ok());
    let is_mediated = label.ok_or(Failure::Unserved)?.veil != 0;
    if is_mediated {
        // What the broker opens is not opened here.
        below.restrict()?;
        return tell(state, mediation);
    }
    tell(state, mediation)?;
    below.restrict()?;
    load(&Filter::by_door(mediation), Scope::Process)
}

/// Tell the broker the rules.
pub fn tell(state: &mut State, mediation: Mediation) -> Result<(), Error> {
    let State {
        veil, kept, told, ..
    } = state;
    write(veil, &kept[..], !mediation.alone, told);
    let at = told.as_ptr() as u64;
    spawn::tell(VEIL, [at, 0, 0]).map_err(|errno| match errno {
        libc::E2BIG => Failure::Layers.into(),
        errno => Error::Start(errno),
    })
}
