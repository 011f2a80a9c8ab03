//! Taking and giving back memory: the machines of `algo` with their locks, their system calls and their hints.
//!
//! ```text
//!   admit ─▶ [heap lock: take, Private(me)] ─▶ commit pages ─▶ used …
//!   … used ─▶ punch pages ─▶ [heap lock: Free]          or          [heap lock: Warm]
//! ```
//!
//! No system call is made under the heap lock. Killed anywhere on the way, the run is `Private` to the dead one and swept,
//! or free.
//!
//! | edge | release side        | acquire side       | publishes                                               |
//! |------|---------------------|--------------------|---------------------------------------------------------|
//! | H1   | heap lock, released | heap lock, taken   | all heads, and that a run's last owner is done with it  |

use super::admission::admit;
use super::arena::Arena;
use super::error::AllocError;
use super::hints;
use super::layout::{PAGE, UNITS};
use super::member;
use super::shares;
use crate::algo::slab::{self, SLAB_PAGES};
use crate::algo::{Acquired, Kind, LockError, OwnerLock, Refusal, Runs, Word};
use crate::shim::{AtomicU64, Ordering::Relaxed};

/// A block that was taken: where it begins, the word that says it is ours, and whether its bytes are old.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken {
    pub(super) unit: u64,
    pub(super) word: Word,
    pub(super) dirty: bool,
}

/// Where this process looks for objects next, a unit a class. Hints: the claims decide.
static CURSORS: [AtomicU64; slab::CLASSES] = [const { AtomicU64::new(0) }; slab::CLASSES];

/// Where this process goes on looking for slabs that have free objects, a page a class. Hints as well.
static SEARCHES: [AtomicU64; slab::CLASSES] = [const { AtomicU64::new(0) }; slab::CLASSES];

/// Runs of the walk that looks for a slab with free objects before it makes a new one.
const WALK: usize = 256;

/// Runs `section` under one of the arena's locks; `recover` first, if the last holder died with it.
pub(super) fn locked<R>(
    arena: &Arena,
    lock: &OwnerLock,
    recover: impl FnOnce(&Arena),
    section: impl FnOnce() -> R,
) -> Result<R, AllocError> {
    // Without a deadline nothing times out.
    locked_by(arena, lock, &member::park(), recover, section).map_err(|_| AllocError::Reentered)
}

/// As [`locked`], waiting as `park` says.
pub(super) fn locked_by<R>(
    arena: &Arena,
    lock: &OwnerLock,
    park: &member::ArenaPark,
    recover: impl FnOnce(&Arena),
    section: impl FnOnce() -> R,
) -> Result<R, LockError> {
    // H1 acquire.
    if let Acquired::Recovered { .. } = lock.lock(member::owner(), park)? {
        recover(arena);
    }
    // A section that unwound would leave the lock with a living owner, for ever.
    let bomb = AbortOnUnwind;
    let result = section();
    std::mem::forget(bomb);
    lock.unlock(park); // H1 release
    Ok(result)
}

/// Ends the program if it is dropped, which only an unwinding does.
pub(crate) struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// Runs `section` under the heap lock.
pub(super) fn with_heap<R>(arena: &Arena, section: impl FnOnce() -> R) -> Result<R, AllocError> {
    locked(arena, &arena.header().heap.0, rebuild, section)
}

/// Rebuilds what the heads determine, after a holder of the heap lock died.
fn rebuild(arena: &Arena) {
    let runs = arena.runs();
    let mut warm = 0;
    for (page, word) in runs.walk(0).map_while(Result::ok) {
        match word.kind() {
            Kind::Warm => warm += word.extent(),
            Kind::Slab => {
                let class = usize::from(word.owner());
                arena.claims().open(objects(page, word), class);
            }
            _ => {}
        }
    }
    let derived = &arena.header().derived.0;
    derived.warm.store(warm, Relaxed); // H1 orders all derived words
    derived.lowest.store(0, Relaxed);
}

/// The units at which the objects of a slab begin.
pub(super) fn objects(page: usize, slab: Word) -> impl Iterator<Item = usize> + Clone {
    let class = usize::from(slab.owner()).min(slab::CLASSES - 1);
    slab::objects(page * UNITS, slab.extent() as usize, class, PAGE)
}

/// Bytes of the block at `unit`, as its own word tells.
pub(super) fn room(arena: &Arena, unit: u64, word: Word) -> usize {
    match arena.runs().slab_around(unit as usize / UNITS) {
        Some(_) => slab::UNIT << word.extent().min(slab::CLASSES as u64 - 1),
        None => word.extent() as usize * PAGE,
    }
}

/// Takes a block of `bytes`, private to the participant in `seat`.
#[inline]
pub(super) fn take(arena: &Arena, seat: u16, bytes: usize, align: usize) -> Result<Taken, AllocError> {
    match slab::class_of(bytes.max(align)) {
        Some(class) => take_object(arena, seat, class),
        None => take_run(arena, seat, bytes, arena.prepopulate),
    }
}

#[inline]
fn take_object(arena: &Arena, seat: u16, class: usize) -> Result<Taken, AllocError> {
    let claims = arena.claims();
    member::count_owned(arena, seat, 1);
    loop {
        while let Some(unit) = hints::pop(class) {
            if let Some(tag) = claims.take(unit as usize, class, seat) {
                return Ok(Taken { unit, word: Word::private(class as u64, seat, tag, false), dirty: true });
            }
        }
        if let Err(error) = look_for_objects(arena, seat, class) {
            member::count_owned(arena, seat, -1);
            return Err(error);
        }
    }
}

/// Finds free objects and leaves hints to them: in the current slab, in one of the next runs, or in a new slab.
#[cold]
fn look_for_objects(arena: &Arena, seat: u16, class: usize) -> Result<(), AllocError> {
    let runs = arena.runs();
    let current = CURSORS[class].load(Relaxed) as usize;
    if let Some((page, slab)) = runs.slab_around(current / UNITS)
        && hint_free_objects(arena, page, slab, current, class)
    {
        return Ok(());
    }
    // No lock: a head that is misread, because runs merge meanwhile, leads to claims that refuse.
    let ready = arena.header().derived.0.ready.load(Relaxed) as usize;
    let mut page = SEARCHES[class].load(Relaxed) as usize;
    for _ in 0..WALK {
        let word = if page < ready { runs.load(page) } else { Word::CLOSED };
        let fitting = word.kind() == Kind::Slab && usize::from(word.owner()) == class;
        if fitting && runs.had_free(page) && hint_free_objects(arena, page, word, 0, class) {
            SEARCHES[class].store(page as u64, Relaxed);
            return Ok(());
        }
        // Past the last run, or lost: from the beginning again.
        let lost = matches!(word.kind(), Kind::Closed | Kind::Inside) || word.extent() == 0;
        page = if lost { 0 } else { page + word.extent() as usize };
    }
    SEARCHES[class].store(page as u64, Relaxed);
    make_slab(arena, seat, class)
}

/// Leaves hints to free objects of a slab, from unit `begin` on. `false`: it has none.
fn hint_free_objects(arena: &Arena, page: usize, slab: Word, begin: usize, class: usize) -> bool {
    let mut found = false;
    for unit in objects(page, slab).skip_while(|unit| *unit < begin) {
        let claim = arena.claims().load(unit);
        if claim.kind() == Kind::Free && claim.extent() == class as u64 {
            if !hints::push(class, unit as u64) {
                CURSORS[class].store(unit as u64, Relaxed);
                return true;
            }
            found = true;
        }
    }
    // Seen to the end: its last unit, behind which there is nothing.
    CURSORS[class].store(((page + slab.extent() as usize) * UNITS) as u64 - 1, Relaxed);
    found
}

/// Makes a slab of `class`: a private run first, a slab with closed claims then (the commit), and opens the claims.
fn make_slab(arena: &Arena, seat: u16, class: usize) -> Result<(), AllocError> {
    let run = take_run(arena, seat, SLAB_PAGES * PAGE, true)?;
    let page = run.unit as usize / UNITS;
    let give_back = |error| {
        release_run(arena, seat, page, run.word);
        Err(error)
    };
    if let Err(error) = arena.commit_claims(page, SLAB_PAGES) {
        return give_back(error);
    }
    let slab = Word::slab(SLAB_PAGES as u64, class as u16);
    let made = with_heap(arena, || {
        arena.runs().make_slab(page, run.word, slab);
        arena.claims().open(objects(page, slab), class);
    });
    match made {
        Ok(()) => {
            member::count_owned(arena, seat, -1); // the slab is everybody's
            CURSORS[class].store((page * UNITS) as u64, Relaxed);
            hint_free_objects(arena, page, slab, 0, class);
            Ok(())
        }
        Err(error) => give_back(error),
    }
}

/// Takes a run of pages, and makes it resident if `populate` says so.
fn take_run(arena: &Arena, seat: u16, bytes: usize, populate: bool) -> Result<Taken, AllocError> {
    let pages = bytes.div_ceil(PAGE) as u64;
    let size = pages * PAGE as u64;
    if pages > arena.layout().pages as u64 {
        return Err(AllocError::ArenaFull { requested: size, capacity: arena.layout().capacity as u64 });
    }
    // What is warm takes no memory from anybody: only a hint, which the search may belie.
    let expect_warm = arena.header().derived.0.warm.load(Relaxed) >= pages;
    let mut _admission = if expect_warm { None } else { Some(admit(arena, seat, size)?) };
    member::count_owned(arena, seat, 1);
    let taken = search(arena, seat, pages).inspect_err(|_| member::count_owned(arena, seat, -1))?;
    let word = Word::private(pages, seat, taken.tag, false);
    if expect_warm && !taken.warm {
        match admit(arena, seat, size) {
            Ok(admission) => _admission = Some(admission),
            Err(error) => {
                release_run(arena, seat, taken.index, word);
                return Err(error);
            }
        }
    }
    // Warm pages were resident once, and are, if all are made so.
    let resident = taken.warm && arena.prepopulate;
    if populate
        && !resident
        && let Err(error) = arena.commit_pages(taken.index, pages as usize)
    {
        release_run(arena, seat, taken.index, word);
        return Err(refused(size, error));
    }
    Ok(Taken { unit: (taken.index * UNITS) as u64, word, dirty: taken.warm })
}

/// A failed commit, as the caller should hear of it.
fn refused(requested: u64, error: AllocError) -> AllocError {
    match error {
        AllocError::Os(os) if std::io::Error::from(os).kind() == std::io::ErrorKind::OutOfMemory => {
            AllocError::OutOfMemory {
                requested,
                available: crate::sys::available_memory().min(requested - 1),
            }
        }
        other => other,
    }
}

/// Finds a free run under the heap lock, committing heads and trimming warm pages where the search asks for it.
fn search(arena: &Arena, seat: u16, pages: u64) -> Result<crate::algo::Taken, AllocError> {
    let derived = &arena.header().derived.0;
    let mut trimmed = false;
    loop {
        let answer = with_heap(arena, || {
            let ready = derived.ready.load(Relaxed) as usize;
            let warm = derived.warm.load(Relaxed);
            let lowest = derived.lowest.load(Relaxed) as usize;
            let taken = arena.runs().take(lowest, pages, seat, warm >= pages, ready)?;
            derived.lowest.store(taken.lowest as u64, Relaxed);
            if taken.warm {
                derived.warm.store(warm.saturating_sub(pages), Relaxed);
            }
            Ok(taken)
        })?;
        match answer {
            Ok(taken) => return Ok(taken),
            Err(Refusal::NeedsHeads(index)) => arena.commit_heads(index)?,
            Err(Refusal::Corrupt(page)) => return Err(AllocError::Corrupt { page }),
            Err(Refusal::Full) if !trimmed => {
                trim(arena);
                trimmed = true;
            }
            Err(Refusal::Full) => {
                let requested = pages * PAGE as u64;
                return Err(AllocError::ArenaFull { requested, capacity: arena.layout().capacity as u64 });
            }
        }
    }
}

/// Gives a block back that `word` says is the caller's. `false`: it is not (any more), and nothing changed.
#[inline]
pub(super) fn release(arena: &Arena, seat: u16, unit: u64, word: Word) -> bool {
    let word = if word.bears_lock() {
        match unbear(arena, unit, word) {
            Some(plain) => plain,
            None => return false,
        }
    } else {
        word
    };
    let page = unit as usize / UNITS;
    match arena.runs().slab_around(page) {
        Some((page, _)) => release_object(arena, seat, page, unit, word),
        None => release_run(arena, seat, page, word),
    }
}

/// Says that the caller's block, whose bytes are zeroed, bears a lock from now on; before anybody else knows of it. Returns its word.
///
/// Not before the bytes are zeroed: a burial takes what it finds there for a lock.
pub(super) fn bear(arena: &Arena, unit: u64, word: Word) -> Word {
    let bearing = word.bearing(true);
    let marked = match arena.runs().slab_around(unit as usize / UNITS) {
        Some(_) => arena.claims().exchange(unit as usize, word, bearing), // publishes the bytes (S1)
        None => with_heap(arena, || shares::exchange(arena, unit, word, bearing)) == Ok(true), // as does H1
    };
    if marked { bearing } else { word }
}

/// Says that the caller's block bears no lock any more. Under the heap lock, under which a burial looks at such blocks: it must
/// not find another owner's bytes there. `None`: the block is not the caller's.
fn unbear(arena: &Arena, unit: u64, word: Word) -> Option<Word> {
    let plain = word.bearing(false);
    let done = with_heap(arena, || shares::exchange(arena, unit, word, plain));
    (done == Ok(true)).then_some(plain)
}

#[inline]
fn release_object(arena: &Arena, seat: u16, page: usize, unit: u64, word: Word) -> bool {
    let class = word.extent() as usize;
    if !arena.claims().release(unit as usize, word) {
        return false;
    }
    member::count_owned(arena, seat, -1);
    arena.runs().note_free(page);
    if !hints::push(class, unit) {
        give_back_empty_slab(arena, unit);
    }
    true
}

/// Gives a run back: its memory first, unless it may stay warm.
fn release_run(arena: &Arena, seat: u16, page: usize, word: Word) -> bool {
    let pages = word.extent();
    let runs = arena.runs();
    if runs.load(page) != word {
        return false;
    }
    let derived = &arena.header().derived.0;
    let room = arena.warm_limit.saturating_sub(derived.warm.load(Relaxed));
    // What can not be punched is dirty, whatever the limit says.
    let warm = pages <= room || !arena.punch_pages(page, pages as usize);
    let released = with_heap(arena, || free_run(arena, runs, page, word, warm));
    if released == Ok(true) {
        member::count_owned(arena, seat, -1);
        return true;
    }
    false
}

/// Marks a run free. Heap lock held.
fn free_run(arena: &Arena, runs: Runs<'_>, page: usize, word: Word, warm: bool) -> bool {
    let derived = &arena.header().derived.0;
    // First the hint, then the commit: killed between, the hint is too low, which only costs a walk.
    if (page as u64) < derived.lowest.load(Relaxed) {
        derived.lowest.store(page as u64, Relaxed);
    }
    let done = runs.release(page, word, warm);
    if done && warm {
        derived.warm.fetch_add(word.extent(), Relaxed);
    }
    done
}

/// Gives the slab around `unit` back if all its objects are free.
#[cold]
fn give_back_empty_slab(arena: &Arena, unit: u64) {
    let Some((page, slab)) = arena.runs().slab_around(unit as usize / UNITS) else { return };
    let current = CURSORS
        .iter()
        .any(|cursor| (page..page + SLAB_PAGES).contains(&(cursor.load(Relaxed) as usize / UNITS)));
    // From the object behind the one just freed: objects that were made together are freed together, in order.
    let behind = objects(page, slab).skip_while(|at| *at as u64 <= unit);
    let before = objects(page, slab).take_while(|at| (*at as u64) < unit);
    if !current && arena.claims().seems_empty(behind.chain(before)) {
        dissolve(arena, page, slab);
    }
}

/// Turns an empty slab back into a free run. Does nothing if it is not empty.
fn dissolve(arena: &Arena, page: usize, slab: Word) {
    let Some(seat) = member::seat() else { return };
    let class = usize::from(slab.owner());
    let mine = Word::private(slab.extent(), seat, 0, false);
    member::count_owned(arena, seat, 1);
    let closed = with_heap(arena, || {
        arena.runs().load(page) == slab
            && arena.claims().close(objects(page, slab), class)
            && arena.runs().exchange(page, slab, mine) // the commit: no slab any more
    });
    if closed == Ok(true) {
        release_run(arena, seat, page, mine); // counts it out
    } else {
        member::count_owned(arena, seat, -1);
    }
}

/// Gives every empty slab back.
pub(super) fn dissolve_empty_slabs(arena: &Arena) {
    let mut page = 0;
    loop {
        let next = with_heap(arena, || {
            arena.runs().walk(page).map_while(Result::ok).find(|(at, word)| {
                word.kind() == Kind::Slab && arena.claims().seems_empty(objects(*at, *word))
            })
        });
        let Ok(Some((at, slab))) = next else { return };
        dissolve(arena, at, slab);
        // The run at `at` may have been merged into one before it: begin again from where a run surely begins.
        page = if arena.runs().load(at) == slab { at + slab.extent() as usize } else { 0 };
    }
}

/// Gives the memory of all warm runs back.
pub(super) fn trim(arena: &Arena) {
    let Some(seat) = member::seat() else { return };
    loop {
        let taken = with_heap(arena, || {
            let (page, word) =
                arena.runs().walk(0).map_while(Result::ok).find(|(_, word)| word.kind() == Kind::Warm)?;
            let mine = Word::private(word.extent(), seat, word.tag(), false);
            member::count_owned(arena, seat, 1);
            arena.runs().exchange(page, word, mine).then(|| {
                let warm = &arena.header().derived.0.warm;
                warm.store(warm.load(Relaxed).saturating_sub(word.extent()), Relaxed);
                (page, mine)
            })
        });
        let Ok(Some((page, mine))) = taken else { return };
        let punched = arena.punch_pages(page, mine.extent() as usize);
        let freed = with_heap(arena, || free_run(arena, arena.runs(), page, mine, !punched));
        member::count_owned(arena, seat, -1);
        if !punched || freed != Ok(true) {
            return; // pages that can not be given back (locked ones) stay warm
        }
    }
}
