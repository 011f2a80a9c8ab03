//! Programs that must not compile, each beside a twin that does: so that what is refused is what it says, and
//! not a misspelling.
//!
//! A race that the compiler finds between threads it finds between processes; these are the cases. Those with locks are in
//! `locks`, those with pools in `pools`.

mod locks;
mod pools;

/// Two children may not be given the same chunk.
///
/// ```compile_fail,E0499
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// let first = &mut array[..60];
/// let second = &mut array[40..];
/// scope(|s| {
///     s.spawn(|| first.fill(1.0)).unwrap();
///     s.spawn(|| second.fill(2.0)).unwrap();
/// }).unwrap();
/// ```
/// Chunks that do not overlap are fine:
/// ```
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// let (first, second) = array.split_at_mut(60);
/// scope(|s| {
///     s.spawn(|| first.fill(1.0)).unwrap();
///     s.spawn(|| second.fill(2.0)).unwrap();
/// }).unwrap();
/// assert_eq!((array[59], array[60]), (1.0, 2.0));
/// ```
mod overlapping_chunks {}

/// Two children may not be given one mutable chunk.
///
/// ```compile_fail,E0499
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// let chunk = &mut array[..50];
/// scope(|s| {
///     s.spawn(|| chunk.fill(1.0)).unwrap();
///     s.spawn(|| chunk.fill(2.0)).unwrap();
/// }).unwrap();
/// ```
/// One child is fine:
/// ```
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// let chunk = &mut array[..50];
/// scope(|s| {
///     s.spawn(|| chunk.fill(1.0)).unwrap();
/// }).unwrap();
/// assert_eq!((array[49], array[50]), (1.0, 0.0));
/// ```
mod one_chunk_twice {}

/// The parent may not read an array while a child may write it.
///
/// ```compile_fail,E0502
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// scope(|s| {
///     s.spawn(|| array.fill(1.0)).unwrap();
///     println!("{}", array[0]);
/// }).unwrap();
/// ```
/// Afterwards it may:
/// ```
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// scope(|s| {
///     s.spawn(|| array.fill(1.0)).unwrap();
/// }).unwrap();
/// println!("{}", array[0]);
/// ```
mod reading_while_a_child_writes {}

/// An array may not be touched while it is lent as cells.
///
/// ```compile_fail,E0502
/// use procshare::Array;
/// let mut array = Array::<u64>::zeroed(100).unwrap();
/// let cells = array.cells();
/// println!("{}", array[0]);
/// cells.store(0, 1);
/// ```
/// The cells may:
/// ```
/// use procshare::Array;
/// let mut array = Array::<u64>::zeroed(100).unwrap();
/// let cells = array.cells();
/// println!("{}", cells.load(0));
/// cells.store(0, 1);
/// ```
mod reading_while_lent_as_cells {}

/// A chunk may not go to a child that can outlive the scope.
///
/// ```compile_fail,E0597
/// use procshare::{Array, Process};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// let chunk = &mut array[..50];
/// let child = Process::spawn(move || chunk.fill(1.0)).unwrap();
/// child.join().unwrap();
/// ```
/// An array that the child makes and returns may:
/// ```
/// use procshare::{Array, Process};
/// let child = Process::spawn(move || Array::from_slice(&[1.0; 50]).unwrap()).unwrap();
/// assert_eq!(child.join().unwrap(), [1.0; 50]);
/// ```
mod chunk_in_a_free_child {}

/// A borrow of an array may not leave the scope that it was lent to.
///
/// ```compile_fail,E0597
/// use procshare::{Array, scope};
/// let mut kept: Option<&mut [f64]> = None;
/// {
///     let mut array = Array::<f64>::zeroed(100).unwrap();
///     scope(|s| {
///         let (first, second) = array.split_at_mut(50);
///         s.spawn(|| first.fill(1.0)).unwrap();
///         kept = Some(second);
///     }).unwrap();
/// }
/// kept.unwrap().fill(2.0);
/// ```
/// As long as the array is there it may:
/// ```
/// use procshare::{Array, scope};
/// let mut kept: Option<&mut [f64]> = None;
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// scope(|s| {
///     let (first, second) = array.split_at_mut(50);
///     s.spawn(|| first.fill(1.0)).unwrap();
///     kept = Some(second);
/// }).unwrap();
/// kept.unwrap().fill(2.0);
/// ```
mod borrow_that_outlives_the_array {}

/// An array of the scope's own body may not be lent to the scope's children: it is gone before they are.
///
/// ```compile_fail,E0373
/// use procshare::{Array, scope};
/// scope(|s| {
///     let mut array = Array::<f64>::zeroed(100).unwrap();
///     s.spawn(|| array.fill(1.0)).unwrap();
/// }).unwrap();
/// ```
/// One from outside may:
/// ```
/// use procshare::{Array, scope};
/// let mut array = Array::<f64>::zeroed(100).unwrap();
/// scope(|s| {
///     s.spawn(|| array.fill(1.0)).unwrap();
/// }).unwrap();
/// ```
mod array_of_the_scopes_body {}

/// A reference points into the memory of one process.
///
/// ```compile_fail,E0277
/// let value = procshare::Value::new("text").unwrap();
/// ```
/// ```compile_fail,E0277
/// fn keep(_: procshare::Value<&'static str>) {}
/// ```
/// Bytes are fine:
/// ```
/// let value = procshare::Value::new(*b"text").unwrap();
/// fn keep(_: procshare::Value<[u8; 4]>) {}
/// ```
mod value_of_a_reference {}

/// A string owns private memory.
///
/// ```compile_fail,E0277
/// let value = procshare::Value::new(String::from("text")).unwrap();
/// ```
/// A number does not:
/// ```
/// let value = procshare::Value::new(u64::from(7_u8)).unwrap();
/// ```
mod value_of_a_string {}

/// Padding has no value: reading it would be undefined behaviour.
///
/// ```compile_fail,E0277
/// #[derive(Clone, Copy, bytemuck::CheckedBitPattern)]
/// #[repr(C)]
/// struct Padded {
///     small: u8,
///     large: u64,
/// }
/// let value = procshare::Value::new(Padded { small: 1, large: 2 }).unwrap();
/// ```
/// ```compile_fail,E0080
/// #[derive(Clone, Copy, bytemuck::NoUninit, bytemuck::CheckedBitPattern)]
/// #[repr(C)]
/// struct Padded {
///     small: u8,
///     large: u64,
/// }
/// ```
/// Filled, it is plain:
/// ```
/// #[derive(Clone, Copy, bytemuck::NoUninit, bytemuck::CheckedBitPattern)]
/// #[repr(C)]
/// struct Filled {
///     small: u8,
///     reserved: [u8; 7],
///     large: u64,
/// }
/// let value = procshare::Value::new(Filled { small: 1, reserved: [0; 7], large: 2 }).unwrap();
/// ```
mod value_with_padding {}

/// An address means something else in another process.
///
/// ```compile_fail,E0277
/// let private = 7_u8;
/// let value = procshare::Value::new(&raw const private).unwrap();
/// ```
/// What it points to may be shared:
/// ```
/// let private = 7_u8;
/// let value = procshare::Value::new(private).unwrap();
/// ```
mod value_of_a_pointer {}

/// What is handed out by reference cannot be checked first, so any bits must be a value.
///
/// ```compile_fail,E0277
/// let array = procshare::Array::from_slice(&[true, false]).unwrap();
/// ```
/// Integers will do:
/// ```
/// let array = procshare::Array::from_slice(&[1_u8, 0]).unwrap();
/// ```
mod array_of_bools {}

/// A vector in an array would keep its elements in private memory.
///
/// ```compile_fail,E0277
/// let array = procshare::Array::from_fn(3, |i| vec![i]).unwrap();
/// ```
/// Arrays of a fixed size do not:
/// ```
/// let array = procshare::Array::from_fn(3, |i| [i; 4]).unwrap();
/// ```
mod array_of_vectors {}

/// Cells are single words.
///
/// ```compile_fail,E0080
/// let mut array = procshare::Array::<[u64; 2]>::zeroed(3).unwrap();
/// array.cells().load(0);
/// ```
/// ```
/// let mut array = procshare::Array::<[u32; 2]>::zeroed(3).unwrap();
/// array.cells().load(0);
/// ```
mod cells_larger_than_a_word {}

/// A frozen array is not written.
///
/// ```compile_fail,E0594
/// let frozen = procshare::Array::<u8>::zeroed(3).unwrap().freeze();
/// frozen[0] = 1;
/// ```
/// Before, it is:
/// ```
/// let mut array = procshare::Array::<u8>::zeroed(3).unwrap();
/// array[0] = 1;
/// let frozen = array.freeze();
/// ```
mod writing_a_frozen_array {}

/// An array has one owner: it is not cloned by accident.
///
/// ```compile_fail,E0382
/// use procshare::{Array, Process};
/// let array = Array::<u8>::zeroed(3).unwrap();
/// let child = Process::spawn(move || array.len()).unwrap();
/// child.join().unwrap();
/// println!("{}", array[0]);
/// ```
/// Frozen, it has many:
/// ```
/// use procshare::{Array, Process};
/// let array = Array::<u8>::zeroed(3).unwrap().freeze();
/// let theirs = array.clone();
/// let child = Process::spawn(move || theirs.len()).unwrap();
/// child.join().unwrap();
/// println!("{}", array[0]);
/// ```
mod array_moved_into_a_child {}

/// A child's result travels as a message; what cannot is refused.
///
/// ```compile_fail,E0277
/// let child = procshare::Process::spawn(|| std::fs::File::open("/dev/null").ok()).unwrap();
/// ```
/// ```
/// let child = procshare::Process::spawn(|| std::fs::File::open("/dev/null").is_ok()).unwrap();
/// assert!(child.join().unwrap());
/// ```
mod result_that_is_no_message {}
