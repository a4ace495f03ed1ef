// SPDX-License-Identifier: MIT OR Apache-2.0
//! Constants through one function: its ways, system calls, calls, and what it takes the address of.
//!
//! A forward analysis to a fixpoint over the blocks that can be reached from
//! the entry. Registers, stack slots and a few symbols (what the caller passed)
//! are followed; branches on a comparison refine what was compared; no branch
//! is ever held impossible, so a wrong constant cannot hide code.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::addresses::{AddressMap, AddressSet};
use super::asked::{Asked, Asking};
use super::discover::Found;
use super::elf::Image;
use super::ir::{Block, Cond, Flow, Machine, Mask, Op, Reg, Src, Target, block};
use super::points::{Point, Points, Ways};
use super::shared::Shared;
use super::state::State;
use super::value::{Atom, Value};

/// Operations followed in one round over all functions; glibc takes some 20 million.
const BUDGET: u64 = 400_000_000;

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
        arguments: Rc<[Value]>,
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
    /// Variables that it reads.
    pub reads: BTreeSet<u64>,
    /// Data whose address it passes on or stores.
    pub passed: BTreeSet<u64>,
    pub puts: BTreeSet<(Put, u64)>,
    /// Arrays that it writes to.
    pub arrays: BTreeSet<u64>,
    /// Data whose address lies where the stack has a call's first arguments.
    pub pushed: BTreeSet<u64>,
    /// Addresses that come together only where it is followed.
    pub mentioned: BTreeSet<u64>,
    /// Bytes that it takes off its caller's stack besides the return address.
    pub pops: i32,
    /// What the register of the number holds at jumps to other functions.
    pub tails: BTreeMap<u64, Value>,
    /// Registers that its own instructions write.
    pub writes: Mask,
    /// Where its stack may be written through pointers.
    pub shared: Shared,
    /// Some of its code could not be followed.
    pub lost: bool,
    /// What all this rests on.
    pub asked: Asked,
}

/// What the analysis of one function may look at.
pub struct Context<'a> {
    pub image: &'a Image,
    pub machine: &'a dyn Machine,
    pub found: &'a Found,
    /// Registers that a call of a function changes, where less than the ABI lets it.
    pub clobbers: AddressMap<Mask>,
    pub noreturn: AddressSet,
    /// Bytes that functions take off their callers' stacks, where any.
    pub pops: AddressMap<i32>,
    /// Numbers of the system calls that do not come back.
    pub exits: BTreeSet<u32>,
    /// Operations that may still be followed, all functions together.
    pub budget: Cell<u64>,
    /// Of the function being analysed, what of its stack is not believed.
    pub shared: Cell<Shared>,
    pub blocks: RefCell<Blocks>,
    /// Of the function being analysed, the constants between its code.
    pub literals: RefCell<AddressSet>,
    /// Of the function being analysed, what its result rests on.
    pub asking: RefCell<Asking>,
    /// Of the function analysed last: room for the next one's.
    points: RefCell<Points>,
    /// Of the block read last, likewise.
    ops: RefCell<Vec<Op>>,
}

/// Blocks that were read, by where they begin.
pub type Blocks = AddressMap<Option<Rc<Block>>>;

/// Called at every call and tail jump of the final states.
pub type Watch<'a> = &'a mut dyn FnMut(u64, &Value, &State, bool);

impl<'a> Context<'a> {
    pub fn new(
        image: &'a Image,
        machine: &'a dyn Machine,
        found: &'a Found,
        exits: BTreeSet<u32>,
    ) -> Context<'a> {
        Context {
            image,
            machine,
            found,
            clobbers: AddressMap::default(),
            noreturn: AddressSet::default(),
            pops: AddressMap::default(),
            exits,
            budget: Cell::new(BUDGET),
            shared: Cell::default(),
            blocks: RefCell::default(),
            literals: RefCell::default(),
            asking: RefCell::default(),
            points: RefCell::default(),
            ops: RefCell::default(),
        }
    }
}

impl Context<'_> {
    fn block(&self, start: u64) -> Option<Rc<Block>> {
        if let Some(known) = self.blocks.borrow().get(&start) {
            return known.clone();
        }
        let entries = &self.found.entries;
        let code = self.image.code_at(start);
        let ops = &mut self.ops.borrow_mut();
        let stop = |at| entries.contains(&at);
        let read = code.and_then(|code| block(self.machine, code, start, stop, ops));
        let read = read.map(Rc::new);
        self.blocks.borrow_mut().insert(start, read.clone());
        read
    }

    /// Analyses the function at `entry`.
    pub fn run(&self, entry: u64, watch: Option<Watch>) -> Function {
        let stack_pointer = self.machine.stack_pointer();
        let mut start = State::entry(self.machine.registers(), stack_pointer);
        for (reg, value) in self.machine.pinned(self.image, entry) {
            start.set(reg, Value::constant(value));
        }
        self.asking.borrow_mut().take();
        self.literals.borrow_mut().clear();
        let mut points = self.points.take();
        points.clear();
        points.add(entry, start);
        let mut lost = false;
        while let Some(index) = points.next() {
            let point = &mut points.all[index];
            if point.block.is_none() {
                point.block = self.block(point.at);
            }
            let Some(block) = point.block.clone() else {
                lost = true;
                continue;
            };
            point.visits += 1;
            self.see_literals(&block);
            let cost = block.ops.len() as u64 + 1;
            match self.budget.get().checked_sub(cost) {
                Some(left) => self.budget.set(left),
                None => break,
            }
            let mut state = point.state.clone();
            for op in &block.ops {
                self.apply(op, &mut state);
            }
            self.leave(entry, &block, state).next.each(|to, state| {
                lost |= !points.arrive(to, state, stack_pointer);
            });
        }
        points.all.sort_unstable_by_key(|point| point.at);
        let mut function = self.collect(entry, &points.all, watch);
        function.lost = lost;
        function.asked = self.asking.borrow_mut().take();
        self.points.replace(points);
        function
    }

    /// One more round over the final states, to note what is of interest.
    fn collect(&self, entry: u64, points: &[Point], mut watch: Option<Watch>) -> Function {
        let mut function = Function::default();
        for point in points {
            let Some(block) = &point.block else {
                continue;
            };
            let mut state = point.state.clone();
            for op in &block.ops {
                self.note(op, &state, &mut function);
                self.share(op, &state, &mut function.shared);
                self.apply(op, &mut state);
            }
            let left = self.leave(entry, block, state.clone());
            if let Exit::Call { target } | Exit::Tail { target } = &left.exit {
                self.hand_on(target, &state, &mut function);
                if let Some(watch) = watch.as_mut() {
                    watch(
                        block.last,
                        target,
                        &state,
                        matches!(left.exit, Exit::Call { .. }),
                    );
                }
            }
            function.pops = function.pops.max(self.popped(block));
            if matches!(left.exit, Exit::Tail { .. }) {
                let number = *state.get(self.machine.number());
                function.tails.insert(block.last, number);
            }
            if matches!(left.exit, Exit::Syscall { .. }) {
                function.writes |= self.machine.syscall_clobbers();
            }
            function.nodes.insert(
                point.at,
                Node {
                    site: block.last,
                    exit: left.exit,
                    next: left.next.starts(),
                },
            );
        }
        function
    }

    /// Notes the data that a call or tail jump is given, unless it never comes back.
    fn hand_on(&self, target: &Value, state: &State, function: &mut Function) {
        let arguments = self.machine.arguments().iter();
        let passed = arguments.flat_map(|reg| state.get(*reg).constants());
        let passed: Vec<u64> = passed.filter(|address| self.passes(*address)).collect();
        let pushed = self.pushed(state);
        let hands_any = !passed.is_empty() || !pushed.is_empty();
        if hands_any && !self.is_last(target) {
            function.passed.extend(passed);
            function.pushed.extend(pushed);
        }
    }

    fn note(&self, op: &Op, state: &State, function: &mut Function) {
        if let Some(address) = self.relative(op, state) {
            function.mentioned.insert(address);
            if matches!(op, Op::Add { .. }) {
                self.mention(address, function);
            }
        }
        if let Op::Store { place, .. } = op {
            self.mention_array(place, state, function);
        }
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
                if *bytes == self.machine.word() {
                    let places = self.address(place, state);
                    function.reads.extend(places.constants());
                    for address in self.load(place, *bytes, *signed, state).constants() {
                        self.mention(address, function);
                    }
                }
            }
            Op::LoadWide { place } => {
                let addresses: Vec<u64> = self.address(place, state).constants().collect();
                for pair in addresses {
                    self.mention(pair, function);
                    for at in (pair..pair.saturating_add(16)).step_by(self.machine.word().into()) {
                        for to in self.image.pointers.get(&at).into_iter().flatten() {
                            self.mention(*to, function);
                        }
                    }
                }
            }
            Op::Store {
                place,
                src: Src::Reg(reg),
                bytes,
            } if *bytes == self.machine.word() => self.put(place, state.get(*reg), state, function),
            Op::Const { dst, value } => {
                function.writes |= 1 << dst;
                self.mention_number(*value, function);
            }
            Op::Store {
                place,
                src: Src::Imm(value),
                ..
            } if self.mention_number(*value as u64, function) => {
                self.put(place, &Value::constant(*value as u64), state, function);
            }
            Op::Page { dst, .. }
            | Op::Insert { dst, .. }
            | Op::Blur { dst, .. }
            | Op::Copy { dst, .. }
            | Op::Add { dst, .. }
            | Op::Sum { dst, .. }
            | Op::Or { dst, .. }
            | Op::Xor { dst, .. }
            | Op::Shift { dst, .. }
            | Op::And { dst, .. }
            | Op::Either { dst, .. }
            | Op::EitherLoad { dst, .. }
            | Op::Clobber { dst } => function.writes |= 1 << dst,
            _ => {}
        }
    }

    fn leave(&self, entry: u64, block: &Block, state: State) -> Left {
        match block.flow {
            Flow::Next => self.onward(entry, block.next, state),
            Flow::Return => Left::end(Exit::Return),
            Flow::ReturnIf(cond) => {
                let (_, past) = self.ways(state, cond);
                let mut left = self.onward(entry, block.next, past);
                if matches!(left.exit, Exit::On) {
                    left.exit = Exit::Return;
                }
                left
            }
            Flow::Stop => Left::end(Exit::Stop),
            Flow::Syscall => self.system_call(block, self.machine.number(), state),
            Flow::Jump(Target::Address(to)) => self.onward(entry, to, state),
            // The return address was put by hand where a call would put it.
            Flow::Jump(target) if self.comes_back(block, &state) => {
                let target = self.target(&target, &state);
                self.called(block, target, state)
            }
            Flow::Jump(target) => self.indirect(entry, &target, state),
            Flow::Branch(cond, to) => self.branch(entry, cond, to, block.next, state),
            Flow::Either(cond, to, past) => self.branch(entry, cond, to, past, state),
            Flow::Call(target) => {
                let target = self.target(&target, &state);
                if let Some(number) = self.gate(&target) {
                    return self.system_call(block, number, state);
                }
                self.called(block, target, state)
            }
        }
    }

    fn system_call(&self, block: &Block, number: Reg, state: State) -> Left {
        let number = *state.get(number);
        let arguments = self.machine.syscall_arguments().iter();
        let arguments = arguments.map(|reg| *state.get(*reg)).collect();
        let exit = Exit::Syscall { number, arguments };
        let ends = |number: u64| self.exits.contains(&(number as u32));
        if number.single().is_some_and(ends) {
            return Left::end(exit);
        }
        let state = self.clobbered(state, self.machine.syscall_clobbers());
        Left {
            exit,
            next: Ways::One(block.next, state),
        }
    }

    /// A call of these never comes back.
    fn is_last(&self, target: &Value) -> bool {
        self.ask_of(target.constants());
        let mut atoms = target.atoms().iter();
        !target.atoms().is_empty()
            && atoms.all(|atom| matches!(atom, Atom::Const(to) if self.noreturn.contains(to)))
    }

    pub fn clobbered(&self, mut state: State, mask: Mask) -> State {
        state.clobber(mask);
        self.shared.get().forget(&mut state);
        state
    }

    /// Control goes to a known address: here or in another function.
    pub fn onward(&self, entry: u64, to: u64, state: State) -> Left {
        if self.is_inner(entry, to) {
            return Left {
                exit: Exit::On,
                next: Ways::One(to, state),
            };
        }
        Left::end(Exit::Tail {
            target: Value::constant(to),
        })
    }

    /// Is it a way on within the function? Then it is one of its blocks: no need to
    /// note that it was asked whether a function begins there.
    fn is_inner(&self, entry: u64, to: u64) -> bool {
        let starts = self.found.entries.contains(&to) || self.image.undefined.contains_key(&to);
        to == entry || !starts
    }

    pub fn target(&self, target: &Target, state: &State) -> Value {
        let value = match target {
            Target::Address(to) => return Value::constant(*to),
            Target::Reg(reg) => *state.get(*reg),
            Target::Memory(place) => self.load(place, self.machine.word(), false, state),
        };
        match value {
            Value::Entry(table) => {
                let targets = self.entries(table);
                match targets.len() {
                    0 => Value::Unknown,
                    1 => Value::constant(targets[0]),
                    _ => {
                        let all: Vec<Atom> = targets.into_iter().map(Atom::Const).collect();
                        Value::many(&all)
                    }
                }
            }
            other => other,
        }
    }

    fn branch(&self, entry: u64, cond: Cond, to: u64, past: u64, state: State) -> Left {
        let (taken, other) = self.ways(state, cond);
        let tail = |to: u64| Exit::Tail {
            target: Value::constant(to),
        };
        // A way on and a tail call: what must be kept is the call, or both.
        match (self.is_inner(entry, past), self.is_inner(entry, to)) {
            (true, true) => Left {
                exit: Exit::On,
                next: Ways::Two([(past, other), (to, taken)]),
            },
            (true, false) => Left {
                exit: tail(to),
                next: Ways::One(past, other),
            },
            (false, true) => Left {
                exit: tail(past),
                next: Ways::One(to, taken),
            },
            (false, false) => Left::end(Exit::Tail {
                target: Value::constant(past).join(&Value::constant(to)),
            }),
        }
    }
}

pub struct Left {
    pub exit: Exit,
    pub next: Ways,
}

impl Left {
    pub fn end(exit: Exit) -> Left {
        Left {
            exit,
            next: Ways::Many(Vec::new()),
        }
    }
}
