//! Serde's types as messages.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::{decode, encode, round_trip};
use crate::message::{DecodeError, Serde};

#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
enum Shape {
    Point,
    Circle { radius: f64 },
    Named(String, Vec<Option<u8>>),
}

#[derive(Debug, Deserialize, Serialize)]
struct Flattened {
    name: String,
    #[serde(flatten)]
    rest: HashMap<String, u32>,
}

#[test]
fn what_serde_knows_returns() {
    let shapes =
        vec![Shape::Point, Shape::Circle { radius: 1.5 }, Shape::Named("x".into(), vec![None, Some(3)])];
    assert_eq!(round_trip(Serde(shapes.clone())), Serde(shapes.clone()));
    let map = BTreeMap::from([("a".to_string(), shapes)]);
    assert_eq!(round_trip(vec![Some(Serde(map.clone()))]), [Some(Serde(map))]);
}

#[test]
fn what_cannot_be_serialized_is_told_to_the_receiver() {
    let flattened = Flattened { name: "x".into(), rest: HashMap::from([("y".into(), 1)]) };
    let (bytes, _) = encode(Serde(flattened)).unwrap();
    assert!(matches!(
        decode::<Serde<Flattened>>(&bytes, Vec::new()),
        Err(DecodeError::Unserializable(reason)) if !reason.is_empty()
    ));
}

#[test]
fn what_cannot_be_deserialized_is_an_error() {
    let (bytes, _) = encode(Serde(300_u64)).unwrap();
    assert!(matches!(decode::<Serde<String>>(&bytes, Vec::new()), Err(DecodeError::Serde(_))));
}
