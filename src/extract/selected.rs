// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the argument that selects is, at the sites of system calls and through wrappers.
//!
//! As `numbers` follows the numbers, but stricter: a number that is believed
//! wrongly would be seen, a set of values too small would not. So what others
//! may write is not believed, and a site that is not seen twice alike has any value.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::flow::{Context, Exit, Function};
use super::graph::{Edge, Why};
use super::shared::Shared;
use super::state::State;
use super::value::{Atom, Value};

/// Most wishes followed; a libc has some hundreds.
const MOST_WANTS: usize = 1 << 16;

/// What the argument of one call is in one function.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    pub values: BTreeSet<u64>,
    /// And anything else.
    pub any: bool,
    /// And what its callers say, in whom that is counted.
    pub asked: bool,
}

/// By function: what it passes in calls of its own, and what to functions that
/// make a call with it: whom it calls, and the number.
#[derive(Default)]
pub struct Selected(pub BTreeMap<u64, BTreeMap<(Option<u64>, u32), Chosen>>);

/// Code that only jumps on, and to whom.
pub type Stubs = BTreeMap<u64, BTreeSet<u64>>;

/// A call within a function, as it was when it was made.
struct Site {
    targets: Vec<u64>,
    state: State,
    call: bool,
}

/// What one function does, as the strict analysis sees it.
struct Seen {
    sites: Vec<Site>,
    syscalls: Vec<(Value, Vec<Value>)>,
    shared: Shared,
    /// The strict analysis found the same ways, targets and numbers.
    sure: bool,
}

/// A number, and arguments as a function's caller knows them.
type Wants = BTreeMap<(u64, Atom), Vec<Value>>;

struct Search<'a, 'b> {
    context: &'a Context<'b>,
    functions: &'a BTreeMap<u64, Function>,
    selecting: &'a BTreeMap<u32, usize>,
    stubs: &'a Stubs,
    seen: HashMap<u64, Seen>,
    wants: Wants,
    work: BTreeSet<(u64, Atom)>,
    selected: Selected,
}

impl Selected {
    pub fn resolve(
        context: &Context,
        functions: &BTreeMap<u64, Function>,
        edges: &BTreeMap<u64, BTreeSet<Edge>>,
        stubs: &Stubs,
        selecting: &BTreeMap<u32, usize>,
    ) -> Selected {
        let mut callers: HashMap<u64, Vec<u64>> = HashMap::new();
        for (from, to) in edges {
            for edge in to.iter().filter(|edge| edge.why == Why::Call) {
                callers.entry(edge.to).or_default().push(*from);
            }
        }
        let mut search = Search {
            context,
            functions,
            selecting,
            stubs,
            seen: HashMap::new(),
            wants: Wants::new(),
            work: BTreeSet::new(),
            selected: Selected::default(),
        };
        for (address, function) in functions {
            let mut exits = function.nodes.values().map(|node| &node.exit);
            if exits.any(|exit| search.selects(exit)) {
                search.begin(*address);
            }
        }
        while let Some((callee, number)) = search.work.pop_first() {
            for caller in callers.get(&callee).into_iter().flatten() {
                search.at_caller(*caller, callee, number);
            }
        }
        // Where not all was followed, nothing is known.
        if search.wants.len() < MOST_WANTS {
            search.selected
        } else {
            Selected::default()
        }
    }
}

impl Search<'_, '_> {
    /// Is it a system call of which an argument may count?
    fn selects(&self, exit: &Exit) -> bool {
        let Exit::Syscall { number, .. } = exit else {
            return false;
        };
        number.atoms().iter().any(|atom| match atom {
            Atom::Const(number) => self.selecting.contains_key(&(*number as u32)),
            _ => true,
        })
    }

    fn begin(&mut self, function: u64) {
        self.look(function);
        let Some(seen) = self.seen.get(&function) else {
            return;
        };
        for (number, arguments) in seen.syscalls.clone() {
            self.call(function, None, &number, arguments);
        }
    }

    /// Analyses a function once more, believing less.
    fn look(&mut self, address: u64) {
        let Some(function) = self
            .functions
            .get(&address)
            .filter(|_| !self.seen.contains_key(&address))
        else {
            return;
        };
        let mut sites = Vec::new();
        let on = |to: u64| match self.stubs.get(&to) {
            Some(on) => on.iter().copied().collect(),
            None => vec![to],
        };
        let mut watch = |_: u64, target: &Value, state: &State, call: bool| {
            sites.push(Site {
                targets: target.constants().flat_map(&on).collect(),
                state: state.clone(),
                call,
            });
        };
        self.context.shared.set(function.shared);
        let strict = self.context.run(address, Some(&mut watch));
        self.context.shared.set(Shared::default());
        let syscalls = strict.nodes.values().filter_map(|node| match &node.exit {
            Exit::Syscall { number, arguments } => Some((*number, arguments.to_vec())),
            _ => None,
        });
        let seen = Seen {
            syscalls: syscalls.collect(),
            sure: alike(function, &strict),
            shared: function.shared,
            sites,
        };
        self.seen.insert(address, seen);
    }

    /// A system call in `function` or in whom it calls, whose number and arguments are these.
    fn call(&mut self, function: u64, via: Option<u64>, number: &Value, mut arguments: Vec<Value>) {
        if !self.seen.get(&function).is_some_and(|seen| seen.sure) {
            arguments.fill(Value::Unknown);
        }
        for atom in number.atoms() {
            match atom {
                Atom::Const(number) => self.choose(function, (via, *number as u32), &arguments),
                Atom::Entry(_) | Atom::Slot(_) | Atom::Pointee(..) => {
                    self.want(function, *atom, &arguments);
                }
                _ => {}
            }
        }
    }

    fn choose(&mut self, function: u64, call: (Option<u64>, u32), arguments: &[Value]) {
        let Some(place) = self.selecting.get(&call.1) else {
            return;
        };
        let value = arguments.get(*place).unwrap_or(&Value::Unknown);
        let calls = self.selected.0.entry(function).or_default();
        let chosen = calls.entry(call).or_default();
        chosen.any |= value.atoms().is_empty();
        let mut asks = false;
        for atom in value.atoms() {
            match atom {
                Atom::Const(value) => drop(chosen.values.insert(value & u64::from(u32::MAX))),
                Atom::Entry(_) | Atom::Slot(_) | Atom::Pointee(..) => asks = true,
                _ => chosen.any = true,
            }
        }
        chosen.asked |= asks;
        if asks {
            let number = Atom::Const(u64::from(call.1));
            self.want(function, number, arguments);
        }
    }

    fn want(&mut self, function: u64, number: Atom, arguments: &[Value]) {
        if self.wants.len() >= MOST_WANTS {
            return;
        }
        let wanted = self.wants.entry((function, number));
        let mut new = false;
        let known = wanted.or_insert_with(|| {
            new = true;
            arguments.to_vec()
        });
        for (known, more) in known.iter_mut().zip(arguments) {
            let joined = known.join(more);
            if joined != *known {
                *known = joined;
                new = true;
            }
        }
        if new {
            self.work.insert((function, number));
        }
    }

    /// What a caller says of a call that `callee` makes for it.
    fn at_caller(&mut self, caller: u64, callee: u64, number: Atom) {
        self.look(caller);
        let (Some(seen), Some(wanted)) =
            (self.seen.get(&caller), self.wants.get(&(callee, number)))
        else {
            return;
        };
        let mut said = Vec::new();
        for site in seen
            .sites
            .iter()
            .filter(|site| site.targets.contains(&callee))
        {
            let at = |value: &Value| self.value(seen, site, value);
            let arguments: Vec<Value> = wanted.iter().map(at).collect();
            said.push((at(&Value::One(number)), arguments));
        }
        if said.is_empty() {
            said.push((Value::One(number), vec![Value::Unknown; wanted.len()]));
        }
        for (number, arguments) in said {
            self.call(caller, Some(callee), &number, arguments);
        }
    }

    /// A value of the callee, in its caller's terms.
    fn value(&self, seen: &Seen, site: &Site, value: &Value) -> Value {
        let state = &site.state;
        let machine = self.context.machine;
        let shared = |at: i32| seen.shared.contains(at);
        let slot = |at: i32| match state.slot(at) {
            Some(value) => *value,
            None if shared(at) => Value::Unknown,
            None if i64::from(at) >= machine.call_pushes() => Value::One(Atom::Slot(at)),
            None => Value::Unknown,
        };
        let passed = |at: i32| match shared(at) {
            true => Value::Unknown,
            false => slot(at),
        };
        let one = |atom: &Atom| match atom {
            Atom::Const(_) => Value::One(*atom),
            Atom::Entry(reg) => *state.get(*reg),
            Atom::Slot(at) => {
                let pushed = if site.call {
                    machine.call_pushes() as i32
                } else {
                    0
                };
                let sp = state.get(machine.stack_pointer()).stack();
                sp.map_or(Value::Unknown, |sp| {
                    passed(sp.saturating_add(*at).saturating_sub(pushed))
                })
            }
            // What it points to is shared by that alone: what was put there last counts.
            Atom::Pointee(reg, at) => match state.get(*reg) {
                Value::One(Atom::Stack(base)) => slot(base.saturating_add(*at)),
                Value::One(Atom::Entry(reg)) => Value::One(Atom::Pointee(*reg, *at)),
                _ => Value::Unknown,
            },
            _ => Value::Unknown,
        };
        let all = value.atoms().iter().map(|atom| one(atom).narrow(4, false));
        all.reduce(|all, one| all.join(&one))
            .unwrap_or(Value::Unknown)
    }
}

/// The same ways, targets and numbers?
fn alike(one: &Function, other: &Function) -> bool {
    one.lost == other.lost
        && one.nodes.len() == other.nodes.len()
        && one.nodes.iter().zip(&other.nodes).all(|(one, other)| {
            let same = match (&one.1.exit, &other.1.exit) {
                (Exit::Call { target: a }, Exit::Call { target: b })
                | (Exit::Tail { target: a }, Exit::Tail { target: b }) => {
                    a.constants().eq(b.constants())
                }
                (Exit::Syscall { number: a, .. }, Exit::Syscall { number: b, .. }) => a == b,
                (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
            };
            one.0 == other.0 && same
        })
}
