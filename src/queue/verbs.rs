//! The verbs that the handles of queues of plain values have in common.

/// Gives a handle with `slots` the verbs of sending values of `$item`. `$ends`: whether it learns that nobody is left to receive.
macro_rules! sending {
    ($item:ident, $ends:expr) => {
        fn put(&self, value: $item, patience: Patience) -> Result<(), super::error::Unsent<$item>> {
            let slots = self.slots();
            let put = slots.conduit().take_turns(crate::algo::End::Send, $ends, patience, |held| {
                slots.put(held, std::slice::from_ref(&value))
            });
            match put {
                Ok(_) => Ok(()),
                Err(why) => Err(super::error::Unsent { value: Some(value), why }),
            }
        }

        /// Sends a value.
        ///
        /// Blocks until there is room for it.
        ///
        /// # Errors
        /// [`SendError`] with the value, which was not sent.
        #[doc(alias = "put")]
        #[inline]
        pub fn send(&self, value: $item) -> Result<(), SendError<$item>> {
            Ok(self.put(value, Patience::FOREVER)?)
        }

        /// Sends a value if there is room for it.
        ///
        /// Does not block, but for a millisecond at most if somebody was stopped in the middle of sending.
        ///
        /// # Errors
        /// [`TrySendError`] with the value, which was not sent.
        #[doc(alias = "put_nowait")]
        #[inline]
        pub fn try_send(&self, value: $item) -> Result<(), TrySendError<$item>> {
            Ok(self.put(value, Patience::None)?)
        }

        /// Sends a value, waiting for room for `timeout` at most. The clock is monotonic.
        ///
        /// # Errors
        /// [`TimedSendError`] with the value, which was not sent.
        #[inline]
        pub fn send_timeout(&self, value: $item, timeout: Duration) -> Result<(), TimedSendError<$item>> {
            Ok(self.put(value, Patience::timeout(timeout))?)
        }

        /// Sends a value, waiting for room until `deadline` at most.
        ///
        /// # Errors
        /// [`TimedSendError`] with the value, which was not sent.
        #[inline]
        pub fn send_until(&self, value: $item, deadline: Instant) -> Result<(), TimedSendError<$item>> {
            Ok(self.put(value, Patience::until(deadline))?)
        }

        /// Sends all `values`, in order, as many at a time as there is room for: others may send between these.
        ///
        /// Blocks until all are sent.
        ///
        /// # Errors
        /// [`SendError`] with the number of values, from the first on, that were sent.
        pub fn send_slice(&self, values: &[$item]) -> Result<(), SendError<usize>> {
            let mut sent = 0;
            while sent < values.len() {
                sent += self
                    .put_some(&values[sent..], Patience::FOREVER)
                    .map_err(|why| super::error::Unsent { value: Some(sent), why })?;
            }
            Ok(())
        }

        /// Sends as many of `values`, from the first on, as there is room for; returns how many. Nobody else's come between.
        ///
        /// Does not block, but for a millisecond at most if somebody was stopped in the middle of sending.
        ///
        /// # Errors
        /// [`TrySendError`] with the number 0: none was sent.
        pub fn try_send_slice(&self, values: &[$item]) -> Result<usize, TrySendError<usize>> {
            if values.is_empty() {
                return Ok(0);
            }
            Ok(self
                .put_some(values, Patience::None)
                .map_err(|why| super::error::Unsent { value: Some(0_usize), why })?)
        }

        fn put_some(&self, values: &[$item], patience: Patience) -> Result<usize, super::error::NotSent> {
            let slots = self.slots();
            slots
                .conduit()
                .take_turns(crate::algo::End::Send, $ends, patience, |held| slots.put(held, values))
        }
    };
}
pub(super) use sending;

/// Gives a handle with `slots` the verbs of receiving values of `$item`. `$ends`: whether it learns that nobody is left to send. `$count`
/// is told how many are taken, before they are.
macro_rules! receiving {
    ($item:ident, $ends:expr, $count:expr) => {
        #[inline]
        pub(in crate::queue) fn take(&self, patience: Patience) -> Result<$item, super::error::NotReceived> {
            let slots = self.slots();
            slots.conduit().take_turns(crate::algo::End::Receive, $ends, patience, |held| {
                slots.take_one(held, ($count)(slots))
            })
        }

        fn take_some(
            &self,
            into: &mut [$item],
            patience: Patience,
        ) -> Result<usize, super::error::NotReceived> {
            if into.is_empty() {
                return Ok(0);
            }
            let slots = self.slots();
            slots.conduit().take_turns(crate::algo::End::Receive, $ends, patience, |held| {
                slots.take_some(held, into, ($count)(slots))
            })
        }

        /// Receives the next value.
        ///
        /// Blocks until there is one.
        ///
        /// # Errors
        /// [`RecvError`]: nothing was received, and nothing will be.
        #[doc(alias = "get")]
        #[inline]
        pub fn recv(&self) -> Result<$item, RecvError> {
            Ok(self.take(Patience::FOREVER)?)
        }

        /// Receives the next value if there is one.
        ///
        /// Does not block, but for a millisecond at most if somebody was stopped in the middle of receiving.
        ///
        /// # Errors
        /// [`TryRecvError`]: nothing was received.
        #[doc(alias = "get_nowait")]
        #[inline]
        pub fn try_recv(&self) -> Result<$item, TryRecvError> {
            Ok(self.take(Patience::None)?)
        }

        /// Receives the next value, waiting for `timeout` at most. The clock is monotonic.
        ///
        /// # Errors
        /// [`TimedRecvError`]: nothing was received.
        #[inline]
        pub fn recv_timeout(&self, timeout: Duration) -> Result<$item, TimedRecvError> {
            Ok(self.take(Patience::timeout(timeout))?)
        }

        /// Receives the next value, waiting until `deadline` at most.
        ///
        /// # Errors
        /// [`TimedRecvError`]: nothing was received.
        #[inline]
        pub fn recv_until(&self, deadline: Instant) -> Result<$item, TimedRecvError> {
            Ok(self.take(Patience::until(deadline))?)
        }

        /// Receives as many values as are there and `into` has room for, and returns how many: at least one, unless `into` is empty. They
        /// are in order, and nobody else got one between them.
        ///
        /// Blocks until there is one.
        ///
        /// # Errors
        /// [`RecvError`]: nothing was received, and nothing will be.
        pub fn recv_into(&self, into: &mut [$item]) -> Result<usize, RecvError> {
            Ok(self.take_some(into, Patience::FOREVER)?)
        }

        /// As [`recv_into`](Self::recv_into), if a value is there.
        ///
        /// Does not block, but for a millisecond at most if somebody was stopped in the middle of receiving.
        ///
        /// # Errors
        /// [`TryRecvError`]: nothing was received.
        pub fn try_recv_into(&self, into: &mut [$item]) -> Result<usize, TryRecvError> {
            Ok(self.take_some(into, Patience::None)?)
        }

        /// As [`recv_into`](Self::recv_into), waiting for the first value for `timeout` at most.
        ///
        /// # Errors
        /// [`TimedRecvError`]: nothing was received.
        pub fn recv_into_timeout(
            &self,
            into: &mut [$item],
            timeout: Duration,
        ) -> Result<usize, TimedRecvError> {
            Ok(self.take_some(into, Patience::timeout(timeout))?)
        }
    };
}
pub(super) use receiving;

/// Gives a handle with `slots` what can be asked of a queue.
macro_rules! looking {
    () => {
        /// Returns how many values are there. Never blocks. Exact, also while others send and receive; they may change it at once.
        #[doc(alias = "qsize")]
        pub fn len(&self) -> usize {
            usize::try_from(self.slots().conduit().len()).unwrap_or(usize::MAX)
        }

        /// Returns whether no value is there. Never blocks. True for a moment.
        #[doc(alias = "empty")]
        pub fn is_empty(&self) -> bool {
            self.len() == 0
        }

        /// Returns whether there is no room. Never blocks. True for a moment. An unbounded queue never is full.
        #[doc(alias = "full")]
        pub fn is_full(&self) -> bool {
            self.capacity().is_some_and(|capacity| self.len() >= capacity)
        }

        /// Returns how many values there is room for; `None`: as many as there is memory for. Never changes.
        #[doc(alias = "maxsize")]
        pub fn capacity(&self) -> Option<usize> {
            match self.slots().conduit().capacity() {
                0 => None,
                capacity => Some(capacity as usize),
            }
        }

        /// Returns whether the queue was closed. Never blocks; an open one may be closed at once.
        pub fn is_closed(&self) -> bool {
            self.slots().conduit().fifo().is_closed()
        }
    };
}
pub(super) use looking;
