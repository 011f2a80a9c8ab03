//! Plain types to whose values in shared memory references may be handed out.

use bytemuck::{AnyBitPattern, NoUninit};

/// A type that may lie in an [`Array`](crate::Array) or under a lock of [`sync`](crate::sync): every bit pattern is one of its values, and it has no
/// padding.
///
/// Both hand out references into shared memory, so the bytes cannot be checked before they are used;
/// therefore any bytes must do. It needs no implementation of its own: whatever is bytemuck's
/// [`AnyBitPattern`] and [`NoUninit`], [`Send`], [`Sync`] and `'static`, is an element. All integers and
/// floats are, arrays of them, and structs that derive bytemuck's `Pod`. Not `bool` and `char` (keep them as
/// `u8` and `u32`), and no enum.
///
/// # Examples
/// ```
/// use bytemuck::{Pod, Zeroable};
/// use procshare::Array;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
/// #[repr(C)]
/// struct Point {
///     x: f64,
///     y: f64,
/// }
///
/// let mut points = Array::<Point>::zeroed(100)?;
/// points[7].x = 1.5;
/// # Ok::<(), procshare::AllocError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot lie in a shared array or under a lock",
    label = "not an `Element`",
    note = "an element is of fixed size, without pointers and padding, and every bit pattern is a value of it",
    note = "for a struct of your own: `#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]` and `#[repr(C)]`",
    note = "`bool`, `char` and enums have invalid bit patterns: keep them as integers (`u8`, `u32`), or one at a time in \
            a `procshare::Value`"
)]
pub trait Element: AnyBitPattern + NoUninit + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: AnyBitPattern + NoUninit + Send + Sync + 'static> Element for T {}
