//! Memory: what cannot be had is an error, what was had is given back, and results lie in place.

#[path = "../support/mod.rs"]
mod support;

mod churn;
mod configuration;
mod huge_requests;
mod no_dev_shm;
mod resource_limits;
mod results_in_place;
mod small_cgroup;
mod strace;
