//! What arrays and frozen arrays have in common with slices: printing, comparing, iterating.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::slice;

use super::{Array, Frozen};
use crate::message::Element;

macro_rules! like_a_slice {
    ($($array:ident)+) => {$(
        impl<T: Element + fmt::Debug> fmt::Debug for $array<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.deref().fmt(f)
            }
        }

        impl<T: Element> AsRef<[T]> for $array<T> {
            fn as_ref(&self) -> &[T] {
                self
            }
        }

        impl<T: Element + Eq> Eq for $array<T> {}

        impl<T: Element + PartialEq<U>, U: Element> PartialEq<$array<U>> for $array<T> {
            fn eq(&self, other: &$array<U>) -> bool {
                self.deref() == other.deref()
            }
        }

        impl<T: Element + PartialEq<U>, U> PartialEq<[U]> for $array<T> {
            fn eq(&self, other: &[U]) -> bool {
                self.deref() == other
            }
        }

        impl<T: Element + PartialEq<U>, U> PartialEq<&[U]> for $array<T> {
            fn eq(&self, other: &&[U]) -> bool {
                self.deref() == *other
            }
        }

        impl<T: Element + PartialEq<U>, U, const N: usize> PartialEq<[U; N]> for $array<T> {
            fn eq(&self, other: &[U; N]) -> bool {
                self.deref() == other
            }
        }

        impl<T: Element + PartialEq<U>, U> PartialEq<Vec<U>> for $array<T> {
            fn eq(&self, other: &Vec<U>) -> bool {
                self.deref() == other.as_slice()
            }
        }

        impl<'a, T: Element> IntoIterator for &'a $array<T> {
            type Item = &'a T;
            type IntoIter = slice::Iter<'a, T>;

            fn into_iter(self) -> slice::Iter<'a, T> {
                self.iter()
            }
        }
    )+};
}

like_a_slice!(Array Frozen);

impl<T: Element> AsMut<[T]> for Array<T> {
    fn as_mut(&mut self) -> &mut [T] {
        self.deref_mut()
    }
}

impl<'a, T: Element> IntoIterator for &'a mut Array<T> {
    type Item = &'a mut T;
    type IntoIter = slice::IterMut<'a, T>;

    fn into_iter(self) -> slice::IterMut<'a, T> {
        self.iter_mut()
    }
}
