//! What the compiler refuses to hand to a pool.

/// A function that captures is not one that a worker knows.
///
/// ```compile_fail,E0080
/// let pool = procshare::Pool::new(1).unwrap();
/// let factor = 3.0;
/// let scaled = pool.map(move |x: f64| x * factor, &[1.0, 2.0]).unwrap();
/// ```
/// What it captured goes as its argument:
/// ```
/// let pool = procshare::Pool::new(1).unwrap();
/// let factor = 3.0;
/// let scaled = pool.mapping().with(factor).map(|factor, x: f64| x * factor, &[1.0, 2.0]).unwrap();
/// assert_eq!(*scaled, [3.0, 6.0]);
/// ```
mod captures_in_a_map {}

/// Also one that captures a function pointer.
///
/// ```compile_fail,E0080
/// let pool = procshare::Pool::new(1).unwrap();
/// let function: fn(u64) -> u64 = |x| x + 1;
/// let task = pool.submit(function, 1).unwrap();
/// ```
/// ```
/// let pool = procshare::Pool::new(1).unwrap();
/// let function = |x: u64| x + 1;
/// assert_eq!(pool.submit(function, 1).unwrap().get(), Ok(2));
/// ```
mod function_pointers {}

/// Arguments are messages.
///
/// ```compile_fail,E0277
/// let pool = procshare::Pool::new(1).unwrap();
/// let task = pool.submit(|cell: std::rc::Rc<u64>| *cell, std::rc::Rc::new(1)).unwrap();
/// ```
/// ```
/// let pool = procshare::Pool::new(1).unwrap();
/// let task = pool.submit(|boxed: Box<u64>| *boxed, Box::new(1)).unwrap();
/// assert_eq!(task.get(), Ok(1));
/// ```
mod argument_that_is_no_message {}

/// An array that a map writes is its alone meanwhile.
///
/// ```compile_fail,E0502
/// let pool = procshare::Pool::new(1).unwrap();
/// let mut numbers = procshare::Array::<u64>::zeroed(10).unwrap();
/// pool.mapping().on_progress(|_, _| drop(numbers[0])).for_each_chunk_mut(&mut numbers, |_, chunk| chunk.fill(1)).unwrap();
/// ```
/// ```
/// let pool = procshare::Pool::new(1).unwrap();
/// let mut numbers = procshare::Array::<u64>::zeroed(10).unwrap();
/// pool.mapping().on_progress(|_, _| ()).for_each_chunk_mut(&mut numbers, |_, chunk| chunk.fill(1)).unwrap();
/// assert_eq!(numbers[9], 1);
/// ```
mod array_read_while_it_is_written {}
