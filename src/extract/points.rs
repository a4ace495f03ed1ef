// SPDX-License-Identifier: MIT OR Apache-2.0
//! Of one function, which blocks are still to be followed, and what is known where each begins.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::collections::hash_map::Entry;
use std::rc::Rc;

use super::addresses::AddressMap;
use super::ir::{Block, Reg};
use super::state::State;

/// Blocks of one function; beyond, the rest is not followed and the function is refused.
const MOST_BLOCKS: usize = 20_000;
/// Visits of one block after which changing values are given up.
const PATIENCE: u32 = 12;

/// Where a block begins.
pub struct Point {
    pub at: u64,
    /// None if it is no code, or was not followed yet.
    pub block: Option<Rc<Block>>,
    pub state: State,
    pub visits: u32,
    waits: bool,
}

#[derive(Default)]
pub struct Points {
    /// In the order in which they were found.
    pub all: Vec<Point>,
    places: AddressMap<usize>,
    /// The lowest address comes first: most ways lead up.
    work: BinaryHeap<Reverse<(u64, usize)>>,
}

impl Points {
    pub fn clear(&mut self) {
        self.all.clear();
        self.places.clear();
        self.work.clear();
    }

    pub fn add(&mut self, at: u64, state: State) {
        let place = self.all.len();
        self.places.insert(at, place);
        self.work.push(Reverse((at, place)));
        self.all.push(Point {
            at,
            block: None,
            state,
            visits: 0,
            waits: true,
        });
    }

    /// The place of the next block to follow.
    pub fn next(&mut self) -> Option<usize> {
        let Reverse((_, place)) = self.work.pop()?;
        self.all[place].waits = false;
        Some(place)
    }

    /// A way leads to a block with this state; false if there are too many blocks.
    pub fn arrive(&mut self, at: u64, state: State, stack_pointer: Reg) -> bool {
        let place = match self.places.entry(at) {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(_) if self.all.len() >= MOST_BLOCKS => return false,
            Entry::Vacant(_) => {
                self.add(at, state);
                return true;
            }
        };
        let point = &mut self.all[place];
        let coarse = point.visits > PATIENCE;
        if point.state.join(&state, stack_pointer, coarse) && !point.waits {
            point.waits = true;
            self.work.push(Reverse((at, place)));
        }
        true
    }
}

/// The ways that lead on from a block: few have more than two.
pub enum Ways {
    One(u64, State),
    Two([(u64, State); 2]),
    Many(Vec<(u64, State)>),
}

impl Ways {
    pub fn each(self, mut act: impl FnMut(u64, State)) {
        match self {
            Ways::One(to, state) => act(to, state),
            Ways::Two(ways) => ways.into_iter().for_each(|(to, state)| act(to, state)),
            Ways::Many(ways) => ways.into_iter().for_each(|(to, state)| act(to, state)),
        }
    }

    /// Where they lead.
    pub fn starts(&self) -> Vec<u64> {
        match self {
            Ways::One(to, _) => vec![*to],
            Ways::Two([(one, _), (other, _)]) => vec![*one, *other],
            Ways::Many(ways) => ways.iter().map(|(to, _)| *to).collect(),
        }
    }
}
