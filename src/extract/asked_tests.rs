// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is kept when more is known to begin is what following it again gives.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use super::asked::drop_changed;
use super::discover::{Found, discover};
use super::elf::Image;
use super::flow::{Context, Function};
use super::ir::Machine;
use super::tests::real;
use super::{Input, open};

type Functions = BTreeMap<u64, Function>;

/// All functions, each followed anew; the code that was read.
fn follow(image: &Image, machine: &dyn Machine, found: &Found) -> (Functions, super::flow::Blocks) {
    let context = Context::new(image, machine, found, BTreeSet::from([60, 231]));
    let entries = found.entries.iter();
    let entries = entries.filter(|entry| image.in_code(**entry));
    let functions = entries.map(|entry| (*entry, context.run(*entry, None)));
    (functions.collect(), RefCell::into_inner(context.blocks))
}

/// A function in words, but for what was asked: that has no order.
fn told(function: &Function) -> String {
    let asked = Default::default();
    format!(
        "{:?}",
        Function {
            asked,
            ..function.clone()
        }
    )
}

/// Every so many of the places that could turn out to begin something: ways on
/// within functions, the middle of blocks, and what lies behind an object's start.
fn places(found: &Found, functions: &Functions, step: usize) -> BTreeSet<u64> {
    let nodes = functions.values().flat_map(|function| &function.nodes);
    let starts = nodes.clone().map(|(start, _)| *start);
    let ends = nodes.map(|(_, node)| node.site);
    let objects = found.bases.iter().map(|base| base + 8);
    let known = |at: &u64| found.entries.contains(at) || found.bases.contains(at);
    let all: BTreeSet<u64> = starts.chain(ends).chain(objects).collect();
    let new = all.into_iter().filter(|at| !known(at));
    new.step_by(step).collect()
}

#[test]
fn what_is_kept_is_what_is_found_again() {
    let bytes = real();
    let name = "ld.so".to_owned();
    let (image, machine) = open(&[Input {
        name,
        bytes: &bytes,
    }])
    .expect("a library");
    let (image, mut changed) = (&image, 0);
    for step in [7, 60, 500] {
        let mut found = discover(image, machine);
        let (mut functions, mut blocks) = follow(image, machine, &found);
        let before = functions.len();
        let new = places(&found, &functions, step);
        for at in &new {
            if image.in_code(*at) {
                found.entries.insert(*at);
            } else {
                found.bases.insert(*at);
            }
        }
        drop_changed(&new, &mut blocks, &mut functions);
        let (again, _) = follow(image, machine, &found);
        assert!(
            functions.len() > before / 100,
            "{step}: {} kept",
            functions.len()
        );
        changed += before - functions.len();
        for (entry, function) in &functions {
            assert_eq!(told(function), told(&again[entry]), "{step}: {entry:#x}");
        }
    }
    assert!(changed > 0);
}
