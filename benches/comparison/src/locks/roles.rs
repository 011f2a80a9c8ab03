//! What the tables need of a lock or a signal, whoever made it.

/// A lock round a `T`.
pub(crate) trait Lock<T> {
    /// Takes the lock, runs `turn` with what it guards, and lets it go.
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R;
}

/// A lock that several may hold to read a `T`.
pub(crate) trait ReadLock<T> {
    /// Takes the lock to read, runs `look`, and lets it go.
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R;
}

/// Something that one process gives and another waits for; waiting uses it up.
pub(crate) trait Signal {
    fn send(&self);
    fn wait(&self);
}

impl<T, L: Lock<T>> Lock<T> for crate::shared::Shared<L> {
    fn with<R>(&self, turn: impl FnOnce(&mut T) -> R) -> R {
        (**self).with(turn)
    }
}

impl<T, L: ReadLock<T>> ReadLock<T> for crate::shared::Shared<L> {
    fn with<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        (**self).with(look)
    }
}

impl<S: Signal> Signal for crate::shared::Shared<S> {
    fn send(&self) {
        (**self).send();
    }

    fn wait(&self) {
        (**self).wait();
    }
}
