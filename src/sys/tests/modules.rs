use std::ffi::{CStr, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::asserted_in_child;
use crate::sys::Loaded;

/// Libraries that a system may have and that this program does not use, and a function of each.
const LIBRARIES: [(&CStr, &CStr); 7] = [
    (c"libz.so.1", c"zlibVersion"),
    (c"libbz2.so.1.0", c"BZ2_bzlibVersion"),
    (c"liblzma.so.5", c"lzma_version_number"),
    (c"libresolv.so.2", c"ns_get16"),
    (c"libcrypt.so.1", c"crypt_r"),
    (c"libthread_db.so.1", c"td_init"),
    (c"libm.so.6", c"cbrt"),
];

/// A library that was not loaded before, until it is dropped.
struct Library {
    handle: *mut c_void,
    name: &'static CStr,
    function: usize,
    /// What is unloaded changes what the other tests see.
    _alone: MutexGuard<'static, ()>,
}

impl Library {
    /// Calls `before`, then loads a library.
    fn load_after<T>(before: impl FnOnce() -> T) -> (T, Self) {
        let alone = alone();
        let known = LIBRARIES.iter().find(|(name, _)| {
            let handle = open(name, 0);
            let there = !handle.is_null();
            if there {
                close(handle);
            }
            there && !is_loaded(name)
        });
        let (name, function) = known.expect("none of the libraries is here, or all are in use");
        let before = before();
        let handle = open(name, 0);
        let function = function_of(handle, function);
        (before, Self { handle, name, function, _alone: alone })
    }

    /// Unloads it, and calls `after` before anybody loads another.
    fn unload<T>(self, after: impl FnOnce() -> T) -> T {
        close(self.handle);
        assert!(!is_loaded(self.name));
        after()
    }
}

/// Sees to it that nobody else loads or unloads anything.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn open(name: &CStr, flags: i32) -> *mut c_void {
    // SAFETY: a string; the libraries above do nothing when they are loaded that would disturb anybody.
    unsafe { libc::dlopen(name.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL | flags) }
}

fn close(handle: *mut c_void) {
    // SAFETY: a handle that `open` gave; nobody uses what it stands for any more.
    assert_eq!(unsafe { libc::dlclose(handle) }, 0);
}

fn is_loaded(name: &CStr) -> bool {
    let handle = open(name, libc::RTLD_NOLOAD);
    if !handle.is_null() {
        close(handle);
    }
    !handle.is_null()
}

fn function_of(handle: *mut c_void, name: &CStr) -> usize {
    // SAFETY: a handle that is open, or that of all that is loaded, and a string.
    let function = unsafe { libc::dlsym(handle, name.as_ptr()) };
    assert!(!function.is_null(), "no {name:?}");
    function.addr()
}

/// A function of the C library, which is loaded as long as this program runs.
fn function_of_libc() -> usize {
    function_of(libc::RTLD_DEFAULT, c"getppid")
}

fn own_function() -> usize {
    own_function as *const () as usize
}

#[test]
fn own_functions_are_at_home() {
    let loaded = Loaded::now();
    for function in
        [own_function(), own_functions_are_at_home as *const () as usize, Loaded::now as *const () as usize]
    {
        assert!(loaded.home().contains(&function));
        assert!(loaded.contains(function));
        assert!(loaded.still(function));
    }
}

#[test]
fn functions_of_a_library_are_known_and_not_at_home() {
    let _alone = alone();
    let loaded = Loaded::now();
    let function = function_of_libc();
    assert!(loaded.contains(function) && loaded.still(function));
    assert!(!loaded.home().contains(&function) || cfg!(target_feature = "crt-static"));
}

#[test]
fn home_is_known_to_its_last_byte_and_no_address_beyond_all_code_is() {
    let loaded = Loaded::now();
    let home = loaded.home();
    assert!(!home.is_empty());
    assert!(loaded.still(home.start) && loaded.still(home.end - 1));
    assert!(!loaded.contains(0) && !loaded.contains(usize::MAX));
}

#[test]
fn data_is_no_code() {
    static OF_THE_PROGRAM: Mutex<u8> = Mutex::new(7);
    let (on_the_stack, on_the_heap) = (7_u8, Box::new(7_u8));
    let loaded = Loaded::now();
    for address in [
        ptr::from_ref(&OF_THE_PROGRAM).addr(),
        ptr::from_ref(&on_the_stack).addr(),
        ptr::from_ref(on_the_heap.as_ref()).addr(),
    ] {
        assert!(!loaded.contains(address) && !loaded.still(address));
    }
}

#[test]
fn function_that_was_loaded_later_is_not_known() {
    let (older, library) = Library::load_after(Loaded::now);
    assert!(!older.contains(library.function));
    assert!(!older.still(library.function));
    assert!(older.still(function_of_libc()), "what is loaded drives nothing out");
    let newer = Loaded::now();
    assert!(newer.contains(library.function));
    assert!(newer.still(library.function));
    library.unload(|| ());
}

#[test]
fn after_an_unloading_only_home_is_known() {
    let ((), library) = Library::load_after(|| ());
    let function = library.function;
    let older = Loaded::now();
    assert!(older.still(function) && older.still(function_of_libc()));
    library.unload(|| {
        assert!(older.contains(function), "it was there then");
        assert!(!older.still(function));
        assert!(!older.still(function_of_libc()), "something else may lie there");
        assert!(older.still(own_function()));
        let newer = Loaded::now();
        assert!(!newer.contains(function));
        assert!(newer.still(function_of_libc()));
    });
}

#[test]
fn forked_child_has_what_its_parent_had() {
    let _alone = alone();
    let (loaded, function) = (Loaded::now(), function_of_libc());
    asserted_in_child(|| {
        assert!(loaded.still(own_function()));
        assert!(loaded.still(function));
        let own = Loaded::now();
        assert_eq!(own.home(), loaded.home());
        assert!(own.contains(function));
    });
}
