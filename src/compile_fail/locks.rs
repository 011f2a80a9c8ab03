//! What the compiler refuses to do with locks and what they guard.

/// A lock is released by the thread that took it.
///
/// ```compile_fail,E0277
/// use procshare::sync::Mutex;
/// let mutex = Mutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// std::thread::scope(|s| {
///     s.spawn(move || drop(guard));
/// });
/// ```
/// The other thread locks for itself:
/// ```
/// use procshare::sync::Mutex;
/// let mutex = Mutex::new(0_u64).unwrap();
/// std::thread::scope(|s| {
///     s.spawn(|| drop(mutex.lock().unwrap()));
/// });
/// ```
mod guard_in_another_thread {}

/// A child does not hold what its parent holds.
///
/// ```compile_fail,E0277
/// use procshare::{Process, sync::Mutex};
/// let mutex: &'static Mutex<u64> = Box::leak(Box::new(Mutex::new(0).unwrap()));
/// let mut guard = mutex.lock().unwrap();
/// let child = Process::spawn(move || *guard = 1).unwrap();
/// child.join().unwrap();
/// ```
/// It takes a handle and locks for itself:
/// ```
/// use procshare::{Process, sync::Mutex};
/// let mutex = Mutex::new(0_u64).unwrap();
/// let child = Process::spawn({
///     let mutex = mutex.clone();
///     move || *mutex.lock().unwrap() = 1
/// });
/// child.unwrap().join().unwrap();
/// assert_eq!(*mutex.lock().unwrap(), 1);
/// ```
mod guard_in_a_free_child {}

/// Nor does a child of a scope.
///
/// ```compile_fail,E0277
/// use procshare::{scope, sync::Mutex};
/// let mutex = Mutex::new(0_u64).unwrap();
/// let mut guard = mutex.lock().unwrap();
/// scope(|s| {
///     s.spawn(move || *guard = 1).unwrap();
/// }).unwrap();
/// ```
/// It may borrow what is guarded:
/// ```
/// use procshare::{scope, sync::Mutex};
/// let mutex = Mutex::new(0_u64).unwrap();
/// let mut guard = mutex.lock().unwrap();
/// let data = &mut *guard;
/// scope(|s| {
///     s.spawn(move || *data = 1).unwrap();
/// }).unwrap();
/// assert_eq!(*guard, 1);
/// ```
mod guard_in_a_child_of_a_scope {}

/// Through a guard that several share, nobody writes.
///
/// ```compile_fail,E0596
/// use procshare::{scope, sync::Mutex};
/// let mutex = Mutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// let shared = &guard;
/// scope(|s| {
///     s.spawn(move || **shared = 1).unwrap();
/// }).unwrap();
/// ```
/// They may read:
/// ```
/// use procshare::{scope, sync::Mutex};
/// let mutex = Mutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// let shared = &guard;
/// scope(|s| {
///     let seen = s.spawn(move || **shared).unwrap();
///     assert_eq!(seen.join(), Ok(0));
/// }).unwrap();
/// ```
mod writing_through_a_shared_guard {}

/// Two children may not both write what one guard guards.
///
/// ```compile_fail,E0499
/// use procshare::{scope, sync::Mutex};
/// let mutex = Mutex::<[u64]>::zeroed(4).unwrap();
/// let mut guard = mutex.lock().unwrap();
/// let all = &mut *guard;
/// scope(|s| {
///     s.spawn(|| all.fill(1)).unwrap();
///     s.spawn(|| all.fill(2)).unwrap();
/// }).unwrap();
/// ```
/// Each may write its part:
/// ```
/// use procshare::{scope, sync::Mutex};
/// let mutex = Mutex::<[u64]>::zeroed(4).unwrap();
/// let mut guard = mutex.lock().unwrap();
/// let (first, second) = guard.split_at_mut(2);
/// scope(|s| {
///     s.spawn(|| first.fill(1)).unwrap();
///     s.spawn(|| second.fill(2)).unwrap();
/// }).unwrap();
/// assert_eq!(*guard, [1, 1, 2, 2]);
/// ```
mod one_guard_for_two_children {}

/// The data is not reached without the lock.
///
/// ```compile_fail,E0614
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// *mutex = 1;
/// ```
/// With it, it is:
/// ```
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// *mutex.lock().unwrap() = 1;
/// ```
mod data_without_the_lock {}

/// A reference does not outlive the guard that it was made through.
///
/// ```compile_fail,E0597
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// let kept: &mut u64;
/// {
///     let mut guard = mutex.lock().unwrap();
///     kept = &mut *guard;
/// }
/// *kept = 1;
/// ```
/// While the guard is alive it may be used:
/// ```
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// let kept: &mut u64;
/// let mut guard = mutex.lock().unwrap();
/// {
///     kept = &mut *guard;
/// }
/// *kept = 1;
/// ```
mod reference_that_outlives_the_guard {}

/// The lock is not released while a reference is in use.
///
/// ```compile_fail,E0505
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// let mut guard = mutex.lock().unwrap();
/// let data = &mut *guard;
/// drop(guard);
/// *data = 1;
/// ```
/// Afterwards it is:
/// ```
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// let mut guard = mutex.lock().unwrap();
/// let data = &mut *guard;
/// *data = 1;
/// drop(guard);
/// ```
mod guard_dropped_under_a_reference {}

/// A guard does not outlive the handle that it was taken through: the memory might be freed.
///
/// ```compile_fail,E0505
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// drop(mutex);
/// println!("{}", *guard);
/// ```
/// Another handle may go:
/// ```
/// let mutex = procshare::sync::Mutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// drop(mutex.clone());
/// println!("{}", *guard);
/// ```
mod guard_that_outlives_its_handle {}

/// A guard hands out references, so any bits must be a value.
///
/// ```compile_fail,E0277
/// let mutex = procshare::sync::Mutex::new(true).unwrap();
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::sync::Mutex<bool>) {}
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::sync::Mutex<[char]>) {}
/// ```
/// Integers will do, and a slice of them:
/// ```
/// let mutex = procshare::sync::Mutex::new(1_u8).unwrap();
/// fn keep(_: procshare::sync::Mutex<u8>) {}
/// fn keep_many(_: procshare::sync::Mutex<[u32]>) {}
/// ```
mod mutex_of_a_bool {}

/// A string keeps its text in private memory.
///
/// ```compile_fail,E0277
/// let mutex = procshare::sync::Mutex::new(String::from("text")).unwrap();
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::sync::Mutex<str>) {}
/// ```
/// Bytes lie where the lock lies:
/// ```
/// let mutex = procshare::sync::Mutex::<[u8]>::from_slice(b"text").unwrap();
/// fn keep(_: procshare::sync::Mutex<[u8]>) {}
/// ```
mod mutex_of_a_string {}

/// A reference means something in one process only.
///
/// ```compile_fail,E0277
/// let private = 7_u8;
/// let mutex = procshare::sync::Mutex::new(&private).unwrap();
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::sync::Mutex<&'static u8>) {}
/// ```
/// What it refers to may be shared:
/// ```
/// let private = 7_u8;
/// let mutex = procshare::sync::Mutex::new(private).unwrap();
/// fn keep(_: procshare::sync::Mutex<u8>) {}
/// ```
mod mutex_of_a_reference {}

/// What changes through a shared reference would be changed through references that several hold.
///
/// ```compile_fail,E0277
/// let mutex = procshare::sync::Mutex::new(std::cell::Cell::new(1_u8)).unwrap();
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::sync::Mutex<std::sync::atomic::AtomicU64>) {}
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::sync::Mutex<std::sync::Mutex<u64>>) {}
/// ```
/// The bare number is changed through the guard:
/// ```
/// let mutex = procshare::sync::Mutex::new(1_u8).unwrap();
/// fn keep(_: procshare::sync::Mutex<u64>) {}
/// ```
mod mutex_of_a_cell {}

/// No type of the program's own is declared fit to be guarded: the compiler looks at what it consists of.
///
/// ```compile_fail,E0277
/// struct Mine(bool);
/// impl procshare::sync::Guarded for Mine {}
/// ```
/// It derives what says so:
/// ```
/// #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
/// #[repr(transparent)]
/// struct Mine(u8);
/// let mutex = procshare::sync::Mutex::new(Mine(1)).unwrap();
/// ```
mod guarded_by_declaration {}

/// The guards of a reentrant lock are not shared: who else has one would believe that it holds the lock.
///
/// ```compile_fail,E0277
/// use procshare::{scope, sync::ReentrantMutex};
/// let mutex = ReentrantMutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// scope(|s| {
///     s.spawn(|| guard.set(1)).unwrap();
/// }).unwrap();
/// ```
/// ```compile_fail,E0277
/// use procshare::sync::ReentrantMutex;
/// let mutex = ReentrantMutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// std::thread::scope(|s| {
///     s.spawn(|| guard.set(1));
/// });
/// ```
/// A copy of the data goes where it likes:
/// ```
/// use procshare::{scope, sync::ReentrantMutex};
/// let mutex = ReentrantMutex::new(0_u64).unwrap();
/// let guard = mutex.lock().unwrap();
/// let copy = guard.get();
/// scope(|s| {
///     let seen = s.spawn(move || copy + 1).unwrap();
///     guard.set(seen.join().unwrap());
/// }).unwrap();
/// assert_eq!(guard.get(), 1);
/// ```
mod reentrant_guard_in_another_thread {}

/// A reentrant lock gives no references: two guards of one thread could each give a mutable one.
///
/// ```compile_fail,E0614
/// let mutex = procshare::sync::ReentrantMutex::new(0_u64).unwrap();
/// *mutex.lock().unwrap() = 1;
/// ```
/// It takes values:
/// ```
/// let mutex = procshare::sync::ReentrantMutex::new(0_u64).unwrap();
/// mutex.lock().unwrap().set(1);
/// ```
mod reference_through_a_reentrant_guard {}

/// What is computed once for all lies in shared memory.
///
/// ```compile_fail,E0277
/// let value = procshare::sync::OnceValue::<String>::new().unwrap();
/// ```
/// ```
/// let value = procshare::sync::OnceValue::<[u8; 4]>::new().unwrap();
/// ```
mod once_value_of_a_string {}
