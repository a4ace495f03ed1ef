// SPDX-License-Identifier: MIT OR Apache-2.0
//! All functions together: which return, what they change, whom they may reach, whose numbers they pass on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::addresses::{AddressMap, AddressSet};
use super::asked::{drop_changed, drop_doubted};
use super::calls::pops;
use super::discover::{Found, discover, grow, unmask};
use super::elf::Image;
use super::error::{Error, Kind};
use super::exits::last_jumps;
use super::flow::{Blocks, Context, Exit, Function};
use super::ir::{Machine, Mask};
use super::numbers::Numbers;
use super::pointers::Pointers;
use super::selected::{Selected, Stubs};
use super::value::Value;
use super::vtables::vtables;

/// Most functions of all files together.
const MOST_FUNCTIONS: usize = 1 << 16;
/// Rounds in which code turns up that only other code names; a libc takes some 5.
const MOST_SURVEYS: usize = 32;
/// Rounds of a fixpoint over all functions; a libc takes some 50.
const MOST_ROUNDS: usize = 1000;

/// Libcs small enough to say whom a call through a structure's field may reach:
/// whatever is put into a field at that offset anywhere.
const BY_FIELD: [&str; 3] = ["dietlibc", "klibc", "musl"];

/// Why one function may run another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Why {
    /// Calls it or ends in a jump to it.
    Call,
    /// Calls through a pointer that may hold it.
    Indirect,
    /// Takes its address, so that something it calls may call it.
    Ref,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    pub to: u64,
    pub why: Why,
}

/// The libc as a graph.
pub struct Program {
    pub image: Image,
    pub functions: BTreeMap<u64, Function>,
    pub noreturn: AddressSet,
    pub edges: BTreeMap<u64, BTreeSet<Edge>>,
    /// Numbers of the system calls that a function makes or has a wrapper make.
    pub numbers: BTreeMap<u64, BTreeSet<u32>>,
    /// What the argument that selects is in those calls.
    pub selected: Selected,
    /// Wrappers: make a system call that their caller names.
    pub wrappers: BTreeSet<u64>,
    /// Calls pointers that no data of the libc explains: the caller's code.
    pub callbacks: BTreeSet<u64>,
    /// Sites whose number is not known: function, site.
    pub unresolved: BTreeSet<(u64, u64)>,
    /// Functions with a system call whose number lies in memory.
    pub by_memory: BTreeSet<u64>,
    /// Functions that write a message and abort; they count as never returning.
    pub last_words: BTreeSet<u64>,
    /// What code that is chosen at load time may be.
    pub choices: BTreeMap<u64, BTreeSet<u64>>,
    /// Functions that no file defines, and who calls them.
    pub undefined: BTreeMap<String, BTreeSet<u64>>,
    /// The tables of virtual functions of stdio.
    pub vtables: BTreeSet<u64>,
}

impl Program {
    pub fn analyse(
        image: Image,
        machine: &dyn Machine,
        libc: &str,
        names: &BTreeMap<u32, String>,
        selecting: &BTreeMap<u32, usize>,
    ) -> Result<Program, Error> {
        let exits = super::effects::exits(names);
        let Survey {
            found,
            blocks,
            functions: first,
            noreturn: believed,
        } = survey(&image, machine, &exits, names)?;
        let mut context = Context::new(&image, machine, &found, exits);
        context.blocks = RefCell::new(blocks);
        context.clobbers = clobbers(&first, machine.call_clobbers());
        context.pops = pops(&first);
        let last_words = last_words(&first, &image, names);
        let last = last_jumps(&first, machine.number(), &context.exits);
        let mut never = last_words.clone();
        if !machine.sweeps() {
            never.extend(last_ones(&image));
        }
        context.noreturn = noreturn(&first, &never, &last);
        let functions = again(&context, first, &believed);
        let vtables = vtables(&image);
        let pointers = Pointers::collect(
            &image,
            &found,
            &functions,
            &vtables,
            BY_FIELD.contains(&libc),
        );
        let (mut edges, callbacks) = connect(&pointers, &functions);
        let mut numbers = Numbers::default();
        numbers.resolve(&context, &functions, &edges, &image);
        let stubs = skip_stubs(&functions, &image, &mut edges);
        let selected = Selected::resolve(&context, &functions, &edges, &stubs, selecting);
        followed(&context)?;
        let choices = choices(&image, &functions);
        let noreturn = context.noreturn;
        let Numbers {
            known,
            wrappers,
            unresolved,
            by_memory,
            ..
        } = numbers;
        Ok(Program {
            noreturn,
            edges,
            numbers: known,
            selected,
            wrappers,
            callbacks,
            unresolved,
            by_memory,
            last_words,
            choices,
            undefined: undefined(&functions, &image),
            vtables,
            functions,
            image,
        })
    }
}

impl Program {
    /// A lone return in an archive: dietlibc puts one where a program without threads has no lock.
    pub fn is_nothing(&self, address: u64) -> bool {
        if self.image.members.is_empty() {
            return false;
        }
        let nodes = self.functions.get(&address).map(|function| &function.nodes);
        let node = nodes
            .filter(|nodes| nodes.len() == 1)
            .and_then(|nodes| nodes.get(&address));
        node.is_some_and(|node| node.site == address && matches!(node.exit, Exit::Return))
    }
}

/// All functions followed for the first time.
struct Survey {
    /// Where they begin.
    found: Found,
    /// All code that was read.
    blocks: Blocks,
    functions: BTreeMap<u64, Function>,
    /// Functions whose calls were believed to be the last.
    noreturn: AddressSet,
}

fn survey(
    image: &Image,
    machine: &dyn Machine,
    exits: &BTreeSet<u32>,
    names: &BTreeMap<u32, String>,
) -> Result<Survey, Error> {
    let mut found = discover(image, machine);
    let mut blocks = Blocks::default();
    let mut functions = BTreeMap::new();
    let mut noreturn = AddressSet::default();
    for _ in 0..MOST_SURVEYS {
        if found.entries.len() > MOST_FUNCTIONS {
            let what = "too many functions";
            return Err(Error::new(Kind::TooLarge, &image.objects[0].name, what));
        }
        let mut context = Context::new(image, machine, &found, exits.clone());
        context.blocks = RefCell::new(blocks);
        context.noreturn = noreturn;
        functions = run_all(&context, functions, BTreeMap::new());
        followed(&context)?;
        blocks = context.blocks.into_inner();
        noreturn = context.noreturn;
        let never = match machine.sweeps() {
            true => AddressSet::default(),
            false => constants_follow(image, machine, &functions, exits, names),
        };
        let doubted: AddressSet = never.symmetric_difference(&noreturn).copied().collect();
        if !never.is_subset(&noreturn) {
            drop_doubted(&doubted, &mut functions);
        } else if !machine.sweeps() && unmask(&mut found, image, &functions) {
            blocks.clear();
            functions.clear();
        } else {
            let new = grow(&mut found, image, machine, &functions);
            if new.is_empty() {
                return Ok(Survey {
                    found,
                    blocks,
                    functions,
                    noreturn,
                });
            }
            drop_changed(&new, &mut blocks, &mut functions);
            drop_doubted(&doubted, &mut functions);
        }
        noreturn = never;
    }
    Err(tangled(image))
}

/// Behind a call that does not return may lie constants, which look like calls.
fn constants_follow(
    image: &Image,
    machine: &dyn Machine,
    functions: &BTreeMap<u64, Function>,
    exits: &BTreeSet<u32>,
    names: &BTreeMap<u32, String>,
) -> AddressSet {
    let words = last_words(functions, image, names);
    let last = last_jumps(functions, machine.number(), exits);
    let words = words.into_iter().chain(last_ones(image)).collect();
    noreturn(functions, &words, &last)
}

fn tangled(image: &Image) -> Error {
    let what = "the code is too tangled to follow";
    Error::new(Kind::TooLarge, &image.objects[0].name, what)
}

/// Were all functions followed to their ends?
fn followed(context: &Context) -> Result<(), Error> {
    // No block costs more.
    match context.budget.get() < u64::from(u16::MAX) {
        true => Err(tangled(context.image)),
        false => Ok(()),
    }
}

type Edges = BTreeMap<u64, BTreeSet<Edge>>;

/// Whom each function may run, and which run code that is not the libc's.
fn connect(pointers: &Pointers, functions: &BTreeMap<u64, Function>) -> (Edges, BTreeSet<u64>) {
    let mut edges = Edges::new();
    let mut callbacks = BTreeSet::new();
    for (address, function) in functions {
        let (to, open) = pointers.edges(function);
        if open {
            callbacks.insert(*address);
        }
        edges.insert(*address, to);
    }
    (edges, callbacks)
}

/// All functions once more, now that it is known what calls leave behind.
fn again(
    context: &Context,
    first: BTreeMap<u64, Function>,
    believed: &AddressSet,
) -> BTreeMap<u64, Function> {
    let (leaves, mut others): (BTreeMap<_, _>, BTreeMap<_, _>) = first
        .into_iter()
        .partition(|(_, function)| targets(function).next().is_none() && !calls(function));
    others.retain(|_, function| context.answers_nothing(function, believed));
    run_all(context, others, leaves)
}

/// Analyses all functions, and those that only turn up on the way. What was `known`
/// of one before still holds, but counts only if it turns up again.
fn run_all(
    context: &Context,
    mut known: BTreeMap<u64, Function>,
    mut functions: BTreeMap<u64, Function>,
) -> BTreeMap<u64, Function> {
    let entries = context.found.entries.iter().copied();
    let mut work: BTreeSet<u64> = entries
        .filter(|entry| !functions.contains_key(entry))
        .collect();
    while let Some(entry) = work.pop_first() {
        let function = known.remove(&entry);
        let function = function.unwrap_or_else(|| context.run(entry, None));
        for target in targets(&function) {
            let new = context.image.in_code(target)
                && target != entry
                && !functions.contains_key(&target);
            if new && functions.len() < MOST_FUNCTIONS {
                work.insert(target);
            }
        }
        functions.insert(entry, function);
    }
    functions
}

fn calls(function: &Function) -> bool {
    function
        .nodes
        .values()
        .any(|node| matches!(node.exit, Exit::Call { .. } | Exit::Tail { .. }))
}

/// Functions that it calls or jumps to by address.
pub fn targets(function: &Function) -> impl Iterator<Item = u64> + '_ {
    function.nodes.values().flat_map(|node| match &node.exit {
        Exit::Call { target } | Exit::Tail { target } => target.constants().collect::<Vec<_>>(),
        _ => Vec::new(),
    })
}

/// The registers that a call of each function may change.
fn clobbers(functions: &BTreeMap<u64, Function>, all: Mask) -> AddressMap<Mask> {
    let mut masks: AddressMap<Mask> = functions
        .iter()
        .map(|(a, f)| (*a, f.writes & all))
        .collect();
    for _ in 0..MOST_ROUNDS {
        let mut changed = false;
        for (address, function) in functions {
            let mut mask = masks[address];
            for node in function.nodes.values() {
                if let Exit::Call { target } | Exit::Tail { target } = &node.exit {
                    let known = target.constants().count();
                    if known == 0 || known < target.atoms().len() {
                        mask |= all;
                    }
                    mask |= target
                        .constants()
                        .fold(0, |m, to| m | masks.get(&to).unwrap_or(&all));
                }
            }
            if masks.insert(*address, mask) != Some(mask) {
                changed = true;
            }
        }
        if !changed {
            return masks;
        }
    }
    AddressMap::default()
}

/// glibc's `__libc_message` returns where its caller asked it not to abort, which
/// none of today's callers does: private code that aborts and writes by itself.
fn last_words(
    functions: &BTreeMap<u64, Function>,
    image: &Image,
    names: &BTreeMap<u32, String>,
) -> BTreeSet<u64> {
    let abort = image.exports.iter().filter(|export| export.name == "abort");
    let abort: BTreeSet<u64> = abort.map(|export| export.address).collect();
    let public: BTreeSet<u64> = image.exports.iter().map(|export| export.address).collect();
    let writes = |function: &Function| {
        function.nodes.values().any(|node| match &node.exit {
            Exit::Syscall { number, .. } => number
                .constants()
                .any(|n| names.get(&(n as u32)).is_some_and(|name| name == "writev")),
            _ => false,
        })
    };
    functions
        .iter()
        .filter(|(address, _)| !public.contains(address))
        .filter(|(_, function)| writes(function) && targets(function).any(|to| abort.contains(&to)))
        .map(|(address, _)| *address)
        .collect()
}

/// What does not return by its name: it returns elsewhere, or an archive calls it last and
/// does not have it.
fn last_ones(image: &Image) -> impl Iterator<Item = u64> {
    const LEAPS: [&str; 5] = [
        "__libc_longjmp",
        "__libc_siglongjmp",
        "_longjmp",
        "longjmp",
        "siglongjmp",
    ];
    const LAST: [&str; 2] = ["abort", "exit"];
    let exports = image.exports.iter();
    let leaps = exports.filter(|export| LEAPS.contains(&export.name.as_str()));
    let undefined = image.undefined.iter();
    let last = undefined.filter(|(_, name)| LAST.contains(&name.as_str()));
    let leaps = leaps.map(|export| export.address);
    let last = last.map(|(address, _)| *address);
    leaps.chain(last).chain(image.broken.iter().copied())
}

/// The functions that never return: what is left when all that may are found.
fn noreturn(
    functions: &BTreeMap<u64, Function>,
    never: &BTreeSet<u64>,
    last: &HashSet<(u64, u64)>,
) -> AddressSet {
    let mut left: AddressSet = functions.keys().chain(never).copied().collect();
    let mut order: Vec<u64> = functions.keys().copied().collect();
    for _ in 0..MOST_ROUNDS {
        let before = left.len();
        order.retain(|address| {
            let returns =
                !never.contains(address) && may_return(*address, &functions[address], &left, last);
            if returns {
                left.remove(address);
            }
            !returns
        });
        if left.len() == before {
            return left;
        }
    }
    AddressSet::default()
}

fn may_return(
    entry: u64,
    function: &Function,
    noreturn: &AddressSet,
    last: &HashSet<(u64, u64)>,
) -> bool {
    let comes_back = |target: &Value| {
        let known = target.constants().count();
        known == 0
            || known < target.atoms().len()
            || target.constants().any(|to| !noreturn.contains(&to))
    };
    if function.lost {
        return true;
    }
    let mut seen = AddressSet::default();
    seen.insert(entry);
    let mut work = vec![entry];
    while let Some(at) = work.pop() {
        let Some(node) = function.nodes.get(&at) else {
            return true;
        };
        match &node.exit {
            Exit::Return => return true,
            Exit::Tail { .. } if last.contains(&(entry, node.site)) => {}
            Exit::Tail { target } if comes_back(target) => return true,
            Exit::Call { target } if !comes_back(target) => continue,
            _ => {}
        }
        work.extend(node.next.iter().copied().filter(|next| seen.insert(*next)));
    }
    false
}

fn undefined(
    functions: &BTreeMap<u64, Function>,
    image: &Image,
) -> BTreeMap<String, BTreeSet<u64>> {
    let mut callers: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for (address, function) in functions {
        for name in targets(function).filter_map(|to| image.undefined.get(&to)) {
            callers.entry(name.clone()).or_default().insert(*address);
        }
    }
    callers
}

fn choices(image: &Image, functions: &BTreeMap<u64, Function>) -> BTreeMap<u64, BTreeSet<u64>> {
    let chosen = |address: &u64| {
        functions
            .get(address)
            .map(|f| f.refs.clone())
            .unwrap_or_default()
    };
    image
        .choosers
        .iter()
        .map(|address| (*address, chosen(address)))
        .collect()
}

/// Private code that only jumps on (the procedure linkage table) is left out of the graph.
fn skip_stubs(
    functions: &BTreeMap<u64, Function>,
    image: &Image,
    edges: &mut BTreeMap<u64, BTreeSet<Edge>>,
) -> Stubs {
    let public: BTreeSet<u64> = image.exports.iter().map(|export| export.address).collect();
    let mut stubs = Stubs::new();
    for (address, function) in functions
        .iter()
        .filter(|(address, _)| !public.contains(address))
    {
        let tail = matches!(
            function.nodes.values().next().map(|node| &node.exit),
            Some(Exit::Tail { .. })
        );
        let to = edges
            .get(address)
            .filter(|_| tail && function.nodes.len() == 1);
        if let Some(to) =
            to.filter(|to| !to.is_empty() && to.iter().all(|edge| edge.why == Why::Call))
        {
            stubs.insert(*address, to.iter().map(|edge| edge.to).collect());
        }
    }
    for to in edges.values_mut() {
        let through: Vec<Edge> = to
            .iter()
            .filter(|edge| stubs.contains_key(&edge.to))
            .copied()
            .collect();
        for edge in through {
            to.remove(&edge);
            to.extend(stubs[&edge.to].iter().map(|next| Edge {
                to: *next,
                why: edge.why,
            }));
        }
    }
    stubs
}
