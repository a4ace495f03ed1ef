// SPDX-License-Identifier: MIT OR Apache-2.0
//! All functions together: which return, what they change, whom they may reach, whose numbers they pass on.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::discover::{Found, discover};
use super::elf::Image;
use super::error::{Error, Kind};
use super::flow::{Context, Exit, Function, Put};
use super::ir::{Machine, Mask, Reg};
use super::value::{Atom, State, Value};

/// Most functions of all files together.
const MOST_FUNCTIONS: usize = 200_000;

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

/// Where a caller says which system call is meant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Reg(Reg),
    Slot(i32),
    Pointee(Reg, i32),
}

/// The libc as a graph.
pub struct Program {
    pub image: Image,
    pub functions: BTreeMap<u64, Function>,
    pub noreturn: HashSet<u64>,
    pub edges: BTreeMap<u64, BTreeSet<Edge>>,
    /// Numbers of the system calls that a function makes or has a wrapper make.
    pub numbers: BTreeMap<u64, BTreeSet<u32>>,
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
    /// The tables of virtual functions of stdio.
    pub vtables: BTreeSet<u64>,
}

/// What pointers the libc puts where.
struct Pointers<'a> {
    image: &'a Image,
    musl: bool,
    globals: HashMap<u64, BTreeSet<u64>>,
    fields: HashMap<i32, BTreeSet<u64>>,
    vtables: &'a BTreeSet<u64>,
    entries: &'a HashSet<u64>,
    bases: &'a BTreeSet<u64>,
}

impl Program {
    pub fn analyse(
        image: Image,
        machine: &dyn Machine,
        libc: &str,
        names: &BTreeMap<u32, String>,
    ) -> Result<Program, Error> {
        let found = discover(&image, machine);
        if found.entries.len() > MOST_FUNCTIONS {
            return Err(Error::new(
                Kind::TooLarge,
                &image.objects[0].name,
                "too many functions",
            ));
        }
        let mut context = Context {
            image: &image,
            machine,
            found: &found,
            clobbers: HashMap::new(),
            noreturn: HashSet::new(),
            exits: super::effects::exits(names),
            blocks: RefCell::new(HashMap::new()),
        };
        let first = run_all(&context);
        context.clobbers = clobbers(&first, machine.call_clobbers());
        let last_words = last_words(&first, &image, names);
        context.noreturn = noreturn(&first, &last_words);
        let functions = run_all(&context);
        let vtables = vtables(&image);
        let pointers = Pointers::collect(&image, &found, &functions, &vtables, libc == "musl");
        let mut edges = BTreeMap::new();
        let mut callbacks = BTreeSet::new();
        for (address, function) in &functions {
            let (to, open) = pointers.edges(function, &context.noreturn);
            if open {
                callbacks.insert(*address);
            }
            edges.insert(*address, to);
        }
        let mut numbers = Numbers::default();
        numbers.resolve(&context, &functions, &edges, &image);
        skip_stubs(&functions, &image, &mut edges);
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
            functions,
            noreturn,
            edges,
            numbers: known,
            wrappers,
            callbacks,
            unresolved,
            by_memory,
            last_words,
            choices,
            vtables,
            image,
        })
    }
}

/// Analyses all functions, and those that only turn up on the way.
fn run_all(context: &Context) -> BTreeMap<u64, Function> {
    let mut functions = BTreeMap::new();
    let mut work: BTreeSet<u64> = context.found.entries.iter().copied().collect();
    while let Some(entry) = work.pop_first() {
        let function = context.run(entry, None);
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

fn targets(function: &Function) -> impl Iterator<Item = u64> + '_ {
    function.nodes.values().flat_map(|node| match &node.exit {
        Exit::Call { target } | Exit::Tail { target } => target.constants().collect::<Vec<_>>(),
        _ => Vec::new(),
    })
}

/// The registers that a call of each function may change.
fn clobbers(functions: &BTreeMap<u64, Function>, all: Mask) -> HashMap<u64, Mask> {
    let mut masks: HashMap<u64, Mask> = functions
        .iter()
        .map(|(a, f)| (*a, f.writes & all))
        .collect();
    loop {
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
            Exit::Syscall { number } => number
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

/// The functions that never return: what is left when all that may are found.
fn noreturn(functions: &BTreeMap<u64, Function>, never: &BTreeSet<u64>) -> HashSet<u64> {
    let mut left: HashSet<u64> = functions.keys().copied().collect();
    let mut order: Vec<u64> = functions.keys().copied().collect();
    loop {
        let before = left.len();
        order.retain(|address| {
            let returns =
                !never.contains(address) && may_return(*address, &functions[address], &left);
            if returns {
                left.remove(address);
            }
            !returns
        });
        if left.len() == before {
            return left;
        }
    }
}

fn may_return(entry: u64, function: &Function, noreturn: &HashSet<u64>) -> bool {
    let comes_back = |target: &Value| {
        let known = target.constants().count();
        known == 0
            || known < target.atoms().len()
            || target.constants().any(|to| !noreturn.contains(&to))
    };
    if function.lost {
        return true;
    }
    let mut seen = HashSet::from([entry]);
    let mut work = vec![entry];
    while let Some(at) = work.pop() {
        let Some(node) = function.nodes.get(&at) else {
            return true;
        };
        match &node.exit {
            Exit::Return => return true,
            Exit::Tail { target } if comes_back(target) => return true,
            Exit::Call { target } if !comes_back(target) => continue,
            _ => {}
        }
        work.extend(node.next.iter().copied().filter(|next| seen.insert(*next)));
    }
    false
}

/// Size of stdio's table of virtual functions, and how many of its words come before the first.
const VTABLE: u64 = 0xa8;
const VTABLE_DUMMIES: u64 = 2;

/// How much of a table is filled: none if it cannot be one.
fn filled(image: &Image, at: u64) -> Option<usize> {
    let code = |word: u64| match image.pointers.get(&(at + 8 * word)) {
        Some(to) => Some(image.in_code(*to.first()?)),
        None => Some(false),
    };
    let empty = (0..VTABLE_DUMMIES).all(|word| !image.pointers.contains_key(&(at + 8 * word)));
    let rest = VTABLE_DUMMIES..VTABLE / 8;
    let sound = rest
        .clone()
        .all(|word| !image.pointers.contains_key(&(at + 8 * word)) || code(word) == Some(true));
    (empty && sound).then(|| rest.filter(|word| code(*word) == Some(true)).count())
}

/// A table with most of its functions, the first of them among these.
fn full(image: &Image, at: u64) -> bool {
    image.pointers.contains_key(&(at + 8 * VTABLE_DUMMIES))
        && filled(image, at).is_some_and(|n| n >= 14)
}

/// The tables of virtual functions around the exported ones: they lie in one
/// array, in which a few sparse ones (printf's buffers) stand between full ones.
fn vtables(image: &Image) -> BTreeSet<u64> {
    let mut tables = BTreeSet::new();
    for export in image
        .exports
        .iter()
        .filter(|export| export.name.ends_with("_jumps"))
    {
        for step in [VTABLE.wrapping_neg(), VTABLE] {
            let mut at = export.address;
            let mut sparse = Vec::new();
            while tables.len() < 64 && sparse.len() < 4 {
                if full(image, at) {
                    tables.append(&mut sparse.drain(..).collect());
                    tables.insert(at);
                } else if filled(image, at).is_some_and(|n| n > 0) {
                    sparse.push(at);
                } else {
                    break;
                }
                at = at.wrapping_add(step);
            }
        }
    }
    // An own section holds all of them, with padding between.
    for section in image
        .sections
        .iter()
        .filter(|section| section.name == "__libc_IO_vtables")
    {
        let starts = (section.start..section.end).step_by(8);
        tables.extend(starts.filter(|at| full(image, *at)).take(64));
    }
    tables
}

/// Sections that are arrays of functions.
const HOOKS: [&str; 2] = ["__libc_atexit", "__libc_subfreeres"];
/// Offsets at which stdio's objects point to their tables.
const VTABLE_FIELDS: [i32; 2] = [0xd8, 0xe0];
/// Farthest field of an object that is looked at.
const FARTHEST_FIELD: u64 = 0x200;

impl<'a> Pointers<'a> {
    fn collect(
        image: &'a Image,
        found: &'a Found,
        functions: &BTreeMap<u64, Function>,
        vtables: &'a BTreeSet<u64>,
        musl: bool,
    ) -> Pointers<'a> {
        let mut globals: HashMap<u64, BTreeSet<u64>> = HashMap::new();
        let mut fields: HashMap<i32, BTreeSet<u64>> = HashMap::new();
        for (put, what) in functions.values().flat_map(|function| &function.puts) {
            match put {
                Put::Global(at) => globals.entry(*at).or_default().insert(*what),
                Put::Field(at) => fields.entry(*at).or_default().insert(*what),
            };
        }
        // Objects that exist from the start: their fields count from the nearest base.
        for (at, targets) in &image.pointers {
            let writable = image.section(*at).is_some_and(|section| !section.fixed);
            let base = found.bases.range(..=*at).next_back().copied().unwrap_or(0);
            if writable && at - base < FARTHEST_FIELD {
                let field = fields.entry((at - base) as i32).or_default();
                field.extend(targets.iter().copied());
            }
        }
        Pointers {
            image,
            musl,
            globals,
            fields,
            vtables,
            entries: &found.entries,
            bases: &found.bases,
        }
    }

    /// What a call's target may be; true if it may be something else as well.
    fn targets(&self, value: &Value, to: &mut BTreeSet<Edge>) -> bool {
        let direct = value
            .atoms()
            .iter()
            .all(|atom| matches!(atom, Atom::Const(_)));
        let mut open = value.atoms().is_empty();
        let mut add = |address: u64, why: Why| {
            if self.image.in_code(address) {
                to.insert(Edge { to: address, why });
                return true;
            }
            false
        };
        for atom in value.atoms() {
            match atom {
                Atom::Const(address) => {
                    add(*address, if direct { Why::Call } else { Why::Indirect });
                }
                Atom::Global(at) => {
                    for address in self.globals.get(at).into_iter().flatten() {
                        add(*address, Why::Indirect);
                    }
                }
                Atom::Member(field, slot) => open |= !self.member(*field, *slot, &mut add),
                Atom::Field(field) | Atom::Pointee(_, field) if self.musl => {
                    let known = self.fields.get(field).into_iter().flatten();
                    let mut any = false;
                    for address in known.filter(|address| self.entries.contains(address)) {
                        any |= add(*address, Why::Indirect);
                    }
                    open |= !any;
                }
                _ => open = true,
            }
        }
        open
    }

    /// A function in a table that an object points to.
    fn member(&self, field: i32, slot: i32, add: &mut dyn FnMut(u64, Why) -> bool) -> bool {
        let stdio = VTABLE_FIELDS.contains(&field) && !self.vtables.is_empty();
        let empty = BTreeSet::new();
        let tables = if stdio {
            self.vtables
        } else {
            self.fields.get(&field).unwrap_or(&empty)
        };
        let mut any = false;
        for table in tables {
            let at = table.wrapping_add(slot as i64 as u64);
            for address in self.image.pointers.get(&at).into_iter().flatten() {
                any |= add(*address, Why::Indirect);
            }
        }
        // musl keeps functions in the objects themselves.
        if self.musl {
            for address in self.fields.get(&slot).into_iter().flatten() {
                if self.entries.contains(address) {
                    any |= add(*address, Why::Indirect);
                }
            }
        }
        any
    }

    fn edges(&self, function: &Function, _noreturn: &HashSet<u64>) -> (BTreeSet<Edge>, bool) {
        let mut to = BTreeSet::new();
        let mut open = false;
        for node in function.nodes.values() {
            if let Exit::Call { target } | Exit::Tail { target } = &node.exit {
                open |= self.targets(target, &mut to);
            }
        }
        to.extend(function.refs.iter().map(|to| Edge {
            to: *to,
            why: Why::Ref,
        }));
        for data in &function.passed {
            self.table(*data, &mut to);
        }
        for data in &function.data {
            self.hooks(*data, &mut to);
        }
        (to, open)
    }

    /// Who passes a table of functions on may have them called.
    fn table(&self, data: u64, to: &mut BTreeSet<Edge>) {
        let stdio = self
            .vtables
            .range(..=data)
            .next_back()
            .is_some_and(|table| data - table < VTABLE);
        if stdio {
            return;
        }
        let end = data + FARTHEST_FIELD;
        for (at, targets) in self.image.pointers.range(data..end) {
            if *at > data && (self.bases.contains(at) || self.elsewhere(*at, data)) {
                break;
            }
            let code = targets.iter().filter(|to| self.entries.contains(to));
            to.extend(code.map(|to| Edge {
                to: *to,
                why: Why::Ref,
            }));
        }
    }

    /// glibc collects functions in sections of their own (__libc_atexit) and runs
    /// all that it finds between the section's ends.
    fn hooks(&self, data: u64, to: &mut BTreeSet<Edge>) {
        let section = self.image.section(data);
        let Some(section) = section.filter(|section| HOOKS.contains(&section.name.as_str())) else {
            return;
        };
        let targets = self
            .image
            .pointers
            .range(section.start..section.end)
            .flat_map(|hook| hook.1);
        let code = targets.filter(|to| self.entries.contains(to));
        to.extend(code.map(|to| Edge {
            to: *to,
            why: Why::Indirect,
        }));
    }

    fn elsewhere(&self, at: u64, data: u64) -> bool {
        self.image.section(at).map(|s| s.start) != self.image.section(data).map(|s| s.start)
    }
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
) {
    let public: BTreeSet<u64> = image.exports.iter().map(|export| export.address).collect();
    let mut stubs: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
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
}

/// Numbers of system calls, from sites and through wrappers.
#[derive(Default)]
struct Numbers {
    known: BTreeMap<u64, BTreeSet<u32>>,
    wrappers: BTreeSet<u64>,
    wanted: BTreeMap<u64, BTreeSet<Place>>,
    by_memory: BTreeSet<u64>,
    unresolved: BTreeSet<(u64, u64)>,
}

impl Numbers {
    fn resolve(
        &mut self,
        context: &Context,
        functions: &BTreeMap<u64, Function>,
        edges: &BTreeMap<u64, BTreeSet<Edge>>,
        image: &Image,
    ) {
        for (address, function) in functions {
            for node in function.nodes.values() {
                if let Exit::Syscall { number } = &node.exit {
                    self.number(*address, node.site, number);
                    let read = |atom: &Atom| {
                        matches!(atom, Atom::Pointee(..) | Atom::Field(_) | Atom::Member(..))
                    };
                    if number.atoms().iter().any(read) {
                        self.by_memory.insert(*address);
                    }
                }
            }
        }
        let mut callers: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        let mut taken: BTreeSet<u64> = BTreeSet::new();
        for (from, to) in edges {
            for edge in to {
                match edge.why {
                    Why::Call => drop(callers.entry(edge.to).or_default().insert(*from)),
                    Why::Indirect => drop(taken.insert(edge.to)),
                    // An address that is only compared with, where there are callers.
                    Why::Ref => {}
                }
            }
        }
        let exported: BTreeSet<u64> = image.exports.iter().map(|export| export.address).collect();
        let mut done: BTreeSet<(u64, Place)> = BTreeSet::new();
        loop {
            let next = self
                .wanted
                .iter()
                .flat_map(|(f, places)| places.iter().map(|p| (*f, *p)));
            let Some((callee, place)) = next.into_iter().find(|want| !done.contains(want)) else {
                break;
            };
            done.insert((callee, place));
            let known = callers.get(&callee);
            if taken.contains(&callee) || (known.is_none() && !exported.contains(&callee)) {
                self.unresolved.insert((callee, callee));
            }
            for caller in known.into_iter().flatten() {
                self.at_caller(context, *caller, callee, place);
            }
        }
        self.wrappers = self.wanted.keys().copied().collect();
    }

    /// A value as a number: known, from the caller, or neither.
    fn number(&mut self, function: u64, site: u64, value: &Value) {
        if value.atoms().is_empty() {
            self.unresolved.insert((function, site));
        }
        for atom in value.atoms() {
            let place = match atom {
                Atom::Const(number) => {
                    self.known
                        .entry(function)
                        .or_default()
                        .insert(*number as u32);
                    continue;
                }
                Atom::Entry(reg) => Place::Reg(*reg),
                Atom::Slot(at) => Place::Slot(*at),
                Atom::Pointee(reg, at) => Place::Pointee(*reg, *at),
                _ => {
                    self.unresolved.insert((function, site));
                    continue;
                }
            };
            self.wanted.entry(function).or_default().insert(place);
        }
    }

    fn at_caller(&mut self, context: &Context, caller: u64, callee: u64, place: Place) {
        let machine = context.machine;
        let mut values = Vec::new();
        let mut watch = |site: u64, target: &Value, state: &State, call: bool| {
            if !target.constants().any(|to| to == callee) {
                return;
            }
            let slot = |at: i32| match state.slot(at) {
                Some(value) => value.clone(),
                None if i64::from(at) >= machine.call_pushes() => Value::One(Atom::Slot(at)),
                None => Value::Unknown,
            };
            let value = match place {
                Place::Reg(reg) => state.get(reg).clone(),
                Place::Slot(at) => {
                    let pushed = if call {
                        machine.call_pushes() as i32
                    } else {
                        0
                    };
                    let sp = state.get(machine.stack_pointer()).stack();
                    sp.map_or(Value::Unknown, |sp| {
                        slot(sp.saturating_add(at).saturating_sub(pushed))
                    })
                }
                Place::Pointee(reg, at) => match state.get(reg) {
                    Value::One(Atom::Stack(base)) => slot(base.saturating_add(at)),
                    Value::One(Atom::Entry(reg)) => Value::One(Atom::Pointee(*reg, at)),
                    _ => Value::Unknown,
                },
            };
            values.push((site, value));
        };
        context.run(caller, Some(&mut watch));
        for (site, value) in values {
            self.number(caller, site, &value.narrow(4, false));
        }
    }
}
