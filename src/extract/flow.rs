// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants through one function: its ways, system calls, calls, and what it takes the address of.
//!
//! A forward analysis to a fixpoint over the blocks that can be reached from
//! the entry. Registers, stack slots and a few symbols (what the caller passed)
//! are followed; branches on a comparison refine what was compared; no branch
//! is ever held impossible, so a wrong constant cannot hide code.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use super::discover::Found;
use super::elf::Image;
use super::ir::{Block, Cond, Flow, Machine, Mask, Op, Place, Src, Target, block};
use super::value::{Atom, State, Table, Value};

/// Blocks of one function; beyond, the rest is not followed and the function is refused.
const MOST_BLOCKS: usize = 20_000;
/// Visits of one block after which changing values are given up.
const PATIENCE: u32 = 40;
/// Entries of one jump table.
const LONGEST_TABLE: u32 = 4096;

/// What a block ends in.
#[derive(Clone, Debug)]
pub enum Exit {
    /// Goes on within the function.
    On,
    Call {
        target: Value,
    },
    /// A jump to another function, which returns for this one.
    Tail {
        target: Value,
    },
    Return,
    Syscall {
        number: Value,
    },
    Stop,
}

#[derive(Clone, Debug)]
pub struct Node {
    /// Address of the last instruction.
    pub site: u64,
    pub exit: Exit,
    /// Starts of the blocks that follow (for a call: if it returns).
    pub next: Vec<u64>,
}

/// Where a pointer to code or data was put.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Put {
    Global(u64),
    Field(i32),
}

/// What a function is found to do.
#[derive(Clone, Debug, Default)]
pub struct Function {
    pub nodes: BTreeMap<u64, Node>,
    /// Functions whose address it takes.
    pub refs: BTreeSet<u64>,
    /// Data that it mentions.
    pub data: BTreeSet<u64>,
    /// Data whose address it passes on or stores.
    pub passed: BTreeSet<u64>,
    pub puts: BTreeSet<(Put, u64)>,
    /// Registers that its own instructions write.
    pub writes: Mask,
    /// Some of its code could not be followed.
    pub lost: bool,
}

/// What the analysis of one function may look at.
pub struct Context<'a> {
    pub image: &'a Image,
    pub machine: &'a dyn Machine,
    pub found: &'a Found,
    /// Registers that a call of a function changes, where less than the ABI lets it.
    pub clobbers: HashMap<u64, Mask>,
    pub noreturn: HashSet<u64>,
    /// Numbers of the system calls that do not come back.
    pub exits: BTreeSet<u32>,
    pub blocks: RefCell<HashMap<u64, Option<Rc<Block>>>>,
}

/// Called at every call and tail jump of the final states.
pub type Watch<'a> = &'a mut dyn FnMut(u64, &Value, &State, bool);

impl Context<'_> {
    fn block(&self, start: u64) -> Option<Rc<Block>> {
        if let Some(known) = self.blocks.borrow().get(&start) {
            return known.clone();
        }
        let entries = &self.found.entries;
        let code = self.image.code_at(start);
        let read =
            code.and_then(|code| block(self.machine, code, start, |at| entries.contains(&at)));
        let read = read.map(Rc::new);
        self.blocks.borrow_mut().insert(start, read.clone());
        read
    }

    /// Analyses the function at `entry`.
    pub fn run(&self, entry: u64, watch: Option<Watch>) -> Function {
        let stack_pointer = self.machine.stack_pointer();
        let start = State::entry(self.machine.registers(), stack_pointer);
        let mut states: BTreeMap<u64, (State, u32)> = BTreeMap::new();
        states.insert(entry, (start, 0));
        let mut work = BTreeSet::from([entry]);
        let mut lost = false;
        while let Some(at) = work.pop_first() {
            let Some(block) = self.block(at) else {
                lost = true;
                continue;
            };
            let Some((state, visits)) = states.get_mut(&at) else {
                continue;
            };
            *visits += 1;
            let mut state = state.clone();
            for op in &block.ops {
                self.apply(op, &mut state);
            }
            for (to, state) in self.leave(entry, &block, state).next {
                let full = states.len() >= MOST_BLOCKS;
                match states.get_mut(&to) {
                    None if full => lost = true,
                    None => {
                        states.insert(to, (state, 0));
                        work.insert(to);
                    }
                    Some((known, visits)) => {
                        if known.join(&state, stack_pointer, *visits > PATIENCE) {
                            work.insert(to);
                        }
                    }
                }
            }
        }
        let mut function = self.collect(entry, &states, watch);
        function.lost = lost;
        function
    }

    /// One more round over the final states, to note what is of interest.
    fn collect(
        &self,
        entry: u64,
        states: &BTreeMap<u64, (State, u32)>,
        mut watch: Option<Watch>,
    ) -> Function {
        let mut function = Function::default();
        for (at, (state, _)) in states {
            let Some(block) = self.block(*at) else {
                continue;
            };
            let mut state = state.clone();
            for op in &block.ops {
                self.note(op, &state, &mut function);
                self.apply(op, &mut state);
            }
            let left = self.leave(entry, &block, state.clone());
            if let Exit::Call { target } | Exit::Tail { target } = &left.exit {
                let passed = self
                    .machine
                    .arguments()
                    .iter()
                    .flat_map(|reg| state.get(*reg).constants());
                function
                    .passed
                    .extend(passed.filter(|address| self.found.bases.contains(address)));
                if let Some(watch) = watch.as_mut() {
                    watch(
                        block.last,
                        target,
                        &state,
                        matches!(left.exit, Exit::Call { .. }),
                    );
                }
            }
            if matches!(left.exit, Exit::Syscall { .. }) {
                function.writes |= self.machine.syscall_clobbers();
            }
            function.nodes.insert(
                *at,
                Node {
                    site: block.last,
                    exit: left.exit,
                    next: left.next.into_iter().map(|(to, _)| to).collect(),
                },
            );
        }
        function
    }

    fn note(&self, op: &Op, state: &State, function: &mut Function) {
        match op {
            Op::Address { dst, place, .. } => {
                function.writes |= 1 << dst;
                for address in self.address(place, state).constants() {
                    self.mention(address, function);
                }
            }
            Op::Load {
                dst,
                place,
                bytes,
                signed,
            } => {
                function.writes |= 1 << dst;
                if *bytes == 8 {
                    for address in self.load(place, *bytes, *signed, state).constants() {
                        self.mention(address, function);
                    }
                }
            }
            Op::LoadWide { place } => {
                let addresses: Vec<u64> = self.address(place, state).constants().collect();
                for pair in addresses {
                    self.mention(pair, function);
                    for at in [pair, pair.wrapping_add(8)] {
                        for to in self.image.pointers.get(&at).into_iter().flatten() {
                            self.mention(*to, function);
                        }
                    }
                }
            }
            Op::Store {
                place,
                src: Src::Reg(reg),
                bytes: 8,
            } => self.put(place, state.get(*reg), state, function),
            Op::Const { dst, .. }
            | Op::Insert { dst, .. }
            | Op::Copy { dst, .. }
            | Op::Add { dst, .. }
            | Op::And { dst, .. }
            | Op::Either { dst, .. }
            | Op::EitherLoad { dst, .. }
            | Op::Clobber { dst } => function.writes |= 1 << dst,
            _ => {}
        }
    }

    fn mention(&self, address: u64, function: &mut Function) {
        if self.found.entries.contains(&address) {
            function.refs.insert(address);
        } else if self
            .image
            .section(address)
            .is_some_and(|section| !section.code)
        {
            function.data.insert(address);
        }
    }

    fn put(&self, place: &Place, value: &Value, state: &State, function: &mut Function) {
        if place.foreign || matches!(value, Value::Unknown | Value::AtMost(_)) {
            return;
        }
        let pointers: Vec<u64> = value
            .constants()
            .filter(|c| self.found.entries.contains(c) || self.found.bases.contains(c))
            .collect();
        if pointers.is_empty() {
            return;
        }
        let base = self.address(place, state);
        let field = Put::Field(i32::try_from(place.disp).unwrap_or(i32::MAX));
        for pointer in pointers {
            if self.found.bases.contains(&pointer) {
                function.passed.insert(pointer);
            }
            let mut globals = base.constants().peekable();
            if globals.peek().is_none() && base.stack().is_none() {
                function.puts.insert((field, pointer));
            }
            for global in globals {
                function.puts.insert((Put::Global(global), pointer));
            }
        }
    }

    fn address(&self, place: &Place, state: &State) -> Value {
        if place.foreign {
            return Value::Unknown;
        }
        let base = match place.base {
            None => Value::constant(place.disp as u64),
            Some(base) => state.get(base).plus(place.disp),
        };
        match place.index {
            None => base,
            // A constant plus something: only a load from a table can make sense of it.
            Some((index, scale)) => match state.get(index).single() {
                Some(index) => base.plus((index as i64).wrapping_mul(i64::from(scale))),
                None => Value::Unknown,
            },
        }
    }

    /// The table that an indexed operand reads from.
    fn table(&self, place: &Place, bytes: u8, signed: bool, state: &State) -> Option<Table> {
        let (index, scale) = place.index?;
        let base = match place.base {
            None => Some(place.disp as u64),
            Some(base) => state.get(base).plus(place.disp).single(),
        };
        let (base, step, chosen) = match base {
            Some(base) => (base, scale, state.get(index)),
            // The scaled index may stand first and the table second.
            None if scale == 1 => (
                state.get(index).plus(place.disp).single()?,
                bytes,
                place.base.map_or(&Value::Unknown, |base| state.get(base)),
            ),
            None => return None,
        };
        self.image.section(base)?;
        let last = match chosen {
            Value::AtMost(most) if step == scale => Some(*most),
            _ => None,
        };
        Some(Table {
            base,
            step,
            size: bytes,
            signed,
            last,
            plus: 0,
        })
    }

    fn load(&self, place: &Place, bytes: u8, signed: bool, state: &State) -> Value {
        if place.foreign {
            return Value::Unknown.narrow(bytes, signed);
        }
        if let Some((index, _)) = place.index {
            if state.get(index).single().is_none() {
                return match self.table(place, bytes, signed, state) {
                    Some(table) if bytes >= 4 => Value::Entry(table),
                    _ => Value::Unknown.narrow(bytes, signed),
                };
            }
        }
        let address = self.address(place, state);
        let disp = i32::try_from(place.disp).unwrap_or(i32::MAX);
        // Symbols stand for pointers: what is read through one is named by the offset.
        let (base, by) = match (&address, place.base, place.index) {
            (Value::Unknown | Value::AtMost(_) | Value::Entry(_), Some(base), None) => {
                (state.get(base), disp)
            }
            (Value::Unknown | Value::AtMost(_) | Value::Entry(_), ..) => {
                return Value::Unknown.narrow(bytes, signed);
            }
            _ => (&address, 0),
        };
        let mut read = Vec::new();
        if base.atoms().is_empty() {
            return Value::One(Atom::Field(disp)).narrow(bytes, signed);
        }
        for atom in base.atoms() {
            let one = match atom {
                Atom::Const(at) => self.read(at.wrapping_add(by as u64), bytes, signed, &mut read),
                Atom::Stack(at) => match state.slot(at.saturating_add(by)) {
                    Some(value) if !value.atoms().is_empty() => {
                        read.extend_from_slice(value.atoms());
                        true
                    }
                    Some(other) if base.atoms().len() == 1 => return other.narrow(bytes, signed),
                    Some(_) => false,
                    None if i64::from(at.saturating_add(by)) >= self.machine.call_pushes() => {
                        read.push(Atom::Slot(at.saturating_add(by)));
                        true
                    }
                    None => false,
                },
                Atom::Entry(reg) => {
                    read.push(Atom::Pointee(*reg, disp));
                    true
                }
                Atom::Field(at) | Atom::Pointee(_, at) | Atom::Member(_, at) => {
                    read.push(Atom::Member(*at, disp));
                    true
                }
                Atom::Global(_) | Atom::Slot(_) => {
                    read.push(Atom::Field(disp));
                    true
                }
            };
            if !one {
                return Value::Unknown.narrow(bytes, signed);
            }
        }
        Value::from_atoms(read).narrow(bytes, signed)
    }

    /// What memory at a known address may hold.
    fn read(&self, at: u64, bytes: u8, signed: bool, read: &mut Vec<Atom>) -> bool {
        let Some(section) = self.image.section(at) else {
            return false;
        };
        let pointers = self.image.pointers.get(&at).filter(|_| bytes == 8);
        if let Some(pointers) = pointers {
            read.extend(pointers.iter().map(|to| Atom::Const(*to)));
            if !section.fixed {
                read.push(Atom::Global(at));
            }
            return true;
        }
        match self.image.word(at, bytes.min(8), signed) {
            Some(word) if section.constant => read.push(Atom::Const(word)),
            _ => read.push(Atom::Global(at)),
        }
        true
    }

    fn apply(&self, op: &Op, state: &mut State) {
        match op {
            Op::Const { dst, value } => state.set(*dst, Value::constant(*value)),
            Op::Insert { dst, value, bytes } => {
                let mask = (1u64 << (8 * u32::from(*bytes).min(7))) - 1;
                let value = state.get(*dst).map(|atom| match atom {
                    Atom::Const(old) => Some(Atom::Const(old & !mask | value & mask)),
                    _ => None,
                });
                state.set(*dst, value);
            }
            Op::Copy {
                dst,
                src,
                bytes,
                signed,
            } => {
                let value = match *bytes {
                    8 => state.get(*src).clone(),
                    _ => state.get(*src).narrow(*bytes, *signed),
                };
                state.set(*dst, value);
            }
            Op::Address { dst, place, bytes } => {
                let value = self.address(place, state).narrow(*bytes, false);
                let value = self.offset_table(place, state).unwrap_or(value);
                state.set(*dst, value);
            }
            Op::Load {
                dst,
                place,
                bytes,
                signed,
            } => {
                let value = self.load(place, *bytes, *signed, state);
                state.set(*dst, value);
            }
            Op::Store { place, src, bytes } => self.store(place, src, *bytes, state),
            Op::Add {
                dst,
                src,
                negative,
                bytes,
            } => self.add(*dst, src, *negative, *bytes, state),
            Op::And { dst, mask, bytes } => {
                let value = state.get(*dst).masked(*mask, *bytes);
                // An aligned stack lies somewhere below: far from what is known by offset.
                let value = match value.stack() {
                    Some(at) => Value::One(Atom::Stack(at.saturating_sub(1 << 20))),
                    None => value,
                };
                state.set(*dst, value);
            }
            Op::Either { dst, src } => {
                let value = state.get(*dst).join(state.get(*src));
                state.set(*dst, value);
            }
            Op::EitherLoad { dst, place, bytes } => {
                let value = state
                    .get(*dst)
                    .join(&self.load(place, *bytes, false, state));
                state.set(*dst, value);
            }
            Op::Clobber { dst } => state.set(*dst, Value::Unknown),
            Op::Compare { reg, with, bytes } => state.compared = Some((*reg, *with, *bytes)),
            Op::FlagsLost => state.compared = None,
            Op::LoadWide { .. } => {}
        }
    }

    /// `lea` of a table entry's value plus a base.
    fn offset_table(&self, place: &Place, state: &State) -> Option<Value> {
        let (index, 1) = place.index? else {
            return None;
        };
        let base = state.get(place.base?);
        let (table, by) = match (base, state.get(index)) {
            (Value::Entry(_), by) => (base, by.single()?),
            (by, table @ Value::Entry(_)) => (table, by.single()?),
            _ => return None,
        };
        Some(table.plus((by as i64).wrapping_add(place.disp)))
    }

    fn add(&self, dst: u8, src: &Src, negative: bool, bytes: u8, state: &mut State) {
        let sign = if negative { -1 } else { 1 };
        let old = state.get(dst).clone();
        let value = match src {
            Src::Imm(by) => old.plus(by.wrapping_mul(sign)),
            Src::Unknown => Value::Unknown,
            Src::Reg(reg) => {
                let by = state.get(*reg);
                match (by.single(), old.single()) {
                    (Some(by), _) => old.plus((by as i64).wrapping_mul(sign)),
                    (None, Some(old)) if !negative => by.plus(old as i64),
                    _ => Value::Unknown,
                }
            }
        };
        let value = if bytes == 8 {
            value
        } else {
            value.narrow(bytes, false)
        };
        // Room of unknown size on the stack: somewhere below.
        let value = match (old.stack(), value.stack()) {
            (Some(at), None) if dst == self.machine.stack_pointer() => {
                Value::One(Atom::Stack(at.saturating_sub(1 << 21)))
            }
            _ => value,
        };
        state.set(dst, value);
    }

    fn store(&self, place: &Place, src: &Src, bytes: u8, state: &mut State) {
        let address = self.address(place, state);
        let value = match src {
            Src::Imm(value) => Value::constant(*value as u64).narrow(bytes, false),
            Src::Reg(reg) if bytes == 8 => state.get(*reg).clone(),
            Src::Reg(reg) if bytes >= 4 => state.get(*reg).narrow(bytes, false),
            _ => Value::Unknown,
        };
        let single = address.stack().is_some();
        for atom in address.atoms() {
            let Atom::Stack(at) = atom else { continue };
            let end = at.saturating_add(i32::from(bytes.max(1)));
            for (slot, known) in &mut state.slots {
                if *slot > at.saturating_sub(8) && *slot < end && *slot != *at {
                    // A longer store covers it; a shorter one may cut into it.
                    if *slot > *at {
                        *known = Value::Unknown;
                    }
                }
            }
            state.set_slot(
                *at,
                if single {
                    value.clone()
                } else {
                    Value::Unknown
                },
            );
        }
    }

    fn leave(&self, entry: u64, block: &Block, state: State) -> Left {
        match block.flow {
            Flow::Next => self.onward(entry, block.next, state),
            Flow::Return => Left::end(Exit::Return),
            Flow::Stop => Left::end(Exit::Stop),
            Flow::Syscall => {
                let number = state.get(self.machine.number()).clone();
                if number
                    .single()
                    .is_some_and(|number| self.exits.contains(&(number as u32)))
                {
                    return Left::end(Exit::Syscall { number });
                }
                let state = self.clobbered(state, self.machine.syscall_clobbers());
                Left {
                    exit: Exit::Syscall { number },
                    next: vec![(block.next, state)],
                }
            }
            Flow::Jump(Target::Address(to)) => self.onward(entry, to, state),
            Flow::Jump(target) => self.indirect(entry, &target, state),
            Flow::Branch(cond, to) => self.branch(entry, block, cond, to, state),
            Flow::Call(target) => {
                let target = self.target(&target, &state);
                let known: Vec<u64> = target.constants().collect();
                if !known.is_empty()
                    && target.atoms().len() == known.len()
                    && known.iter().all(|to| self.noreturn.contains(to))
                {
                    return Left::end(Exit::Call { target });
                }
                let all = self.machine.call_clobbers();
                let mask = known
                    .iter()
                    .fold(0, |mask, to| mask | self.clobbers.get(to).unwrap_or(&all));
                let open = known.is_empty() || target.atoms().len() > known.len();
                let mask = if open { all } else { mask } | 1 << self.machine.result();
                if self.ends_with(block) {
                    return Left::end(Exit::Call { target });
                }
                Left {
                    exit: Exit::Call { target },
                    next: vec![(block.next, self.clobbered(state, mask))],
                }
            }
        }
    }

    /// A call at the very end of a function's bounds is known not to return.
    fn ends_with(&self, block: &Block) -> bool {
        let range = self.image.ranges.range(..=block.last).next_back();
        range.is_some_and(|(_, end)| block.last < *end && *end <= block.next)
    }

    fn clobbered(&self, mut state: State, mask: Mask) -> State {
        for reg in 0..self.machine.registers() as u8 {
            if mask >> reg & 1 == 1 {
                state.set(reg, Value::Unknown);
            }
        }
        state.compared = None;
        state
    }

    /// Control goes to a known address: here or in another function.
    fn onward(&self, entry: u64, to: u64, state: State) -> Left {
        if to != entry && self.found.entries.contains(&to) {
            return Left::end(Exit::Tail {
                target: Value::constant(to),
            });
        }
        Left {
            exit: Exit::On,
            next: vec![(to, state)],
        }
    }

    fn target(&self, target: &Target, state: &State) -> Value {
        let value = match target {
            Target::Address(to) => return Value::constant(*to),
            Target::Reg(reg) => state.get(*reg).clone(),
            Target::Memory(place) => self.load(place, 8, false, state),
        };
        match value {
            Value::Entry(table) => {
                let targets = self.entries(&table);
                match targets.len() {
                    0 => Value::Unknown,
                    1 => Value::constant(targets[0]),
                    _ => Value::Many(targets.into_iter().map(Atom::Const).collect()),
                }
            }
            other => other,
        }
    }

    /// The code addresses that a table holds.
    fn entries(&self, table: &Table) -> Vec<u64> {
        let mut targets = Vec::new();
        for index in 0..=table.last.unwrap_or(LONGEST_TABLE).min(LONGEST_TABLE) {
            let at = table.base + u64::from(index) * u64::from(table.step.max(1));
            if index > 0 && self.found.bases.contains(&at) {
                break;
            }
            if table.size == 8 {
                match self.image.pointers.get(&at) {
                    Some(to) => targets.extend(to.iter().filter(|to| self.image.in_code(**to))),
                    None if table.last.is_some() => {}
                    None => break,
                }
            } else {
                let constant = self
                    .image
                    .section(at)
                    .is_some_and(|section| section.constant);
                let word = self
                    .image
                    .word(at, table.size, table.signed)
                    .filter(|_| constant);
                let to = word
                    .map(|word| word.wrapping_add(table.plus))
                    .filter(|to| self.image.in_code(*to));
                match to {
                    Some(to) => targets.push(to),
                    None => break,
                }
            }
        }
        targets.sort_unstable();
        targets.dedup();
        targets
    }

    fn indirect(&self, entry: u64, target: &Target, state: State) -> Left {
        let value = match target {
            Target::Reg(reg) => state.get(*reg).clone(),
            Target::Memory(place) => self.load(place, 8, false, &state),
            Target::Address(to) => Value::constant(*to),
        };
        let target = self.target(target, &state);
        // A table of ways within the function; a table of functions is a tail call.
        let inner = matches!(value, Value::Entry(_))
            && !target.atoms().is_empty()
            && !target
                .constants()
                .any(|to| self.found.entries.contains(&to) && to != entry);
        if !inner {
            return Left::end(Exit::Tail { target });
        }
        let next = target.constants().map(|to| (to, state.clone())).collect();
        Left {
            exit: Exit::On,
            next,
        }
    }

    fn branch(&self, entry: u64, block: &Block, cond: Cond, to: u64, state: State) -> Left {
        let taken = refine(state.clone(), cond);
        let past = refine(state, opposite(cond));
        let mut left = self.onward(entry, block.next, past);
        let other = self.onward(entry, to, taken);
        // A way on and a tail call: what must be kept is the call, or both.
        left.exit = match (left.exit, other.exit) {
            (Exit::Tail { target: a }, Exit::Tail { target: b }) => {
                Exit::Tail { target: a.join(&b) }
            }
            (Exit::Tail { target }, _) | (_, Exit::Tail { target }) => Exit::Tail { target },
            _ => Exit::On,
        };
        left.next.extend(other.next);
        left
    }
}

struct Left {
    exit: Exit,
    next: Vec<(u64, State)>,
}

impl Left {
    fn end(exit: Exit) -> Left {
        Left {
            exit,
            next: Vec::new(),
        }
    }
}

fn opposite(cond: Cond) -> Cond {
    match cond {
        Cond::Equal => Cond::NotEqual,
        Cond::NotEqual => Cond::Equal,
        Cond::Above => Cond::BelowOrEqual,
        Cond::AboveOrEqual => Cond::Below,
        Cond::Below => Cond::AboveOrEqual,
        Cond::BelowOrEqual => Cond::Above,
        Cond::Other => Cond::Other,
    }
}

/// What is known where the condition holds.
fn refine(mut state: State, cond: Cond) -> State {
    let Some((reg, with, bytes)) = state.compared else {
        return state;
    };
    let with = if bytes >= 8 {
        with as u64
    } else {
        with as u64 & u64::from(u32::MAX)
    };
    let old = state.get(reg).clone();
    let most = match cond {
        Cond::Equal => {
            state.regs[usize::from(reg)] = Value::constant(with);
            return state;
        }
        Cond::NotEqual => {
            let rest: Vec<Atom> = old
                .atoms()
                .iter()
                .copied()
                .filter(|atom| *atom != Atom::Const(with))
                .collect();
            if !rest.is_empty() {
                state.regs[usize::from(reg)] = Value::from_atoms(rest);
            }
            return state;
        }
        Cond::BelowOrEqual => Some(with),
        Cond::Below => with.checked_sub(1),
        _ => None,
    };
    if let (Some(Ok(most)), true) = (most.map(u32::try_from), old.constants().next().is_none()) {
        if !matches!(old, Value::Entry(_)) && old.stack().is_none() {
            state.regs[usize::from(reg)] = Value::AtMost(most);
        }
    }
    state
}
