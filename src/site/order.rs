//! The orders that were placed.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use super::link::Item;

/// Orders kept; the oldest go first.
const KEPT: usize = 1000;

/// What may be typed into one field, characters.
const FIELD: usize = 60;

/// The traveller as the app knows him: the form is prefilled with it.
pub(super) const TRAVELLER: (&str, &str) = ("张伟", "13800138000");

/// One order as `GET /api/orders` tells it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Order {
    pub id: String,
    /// `flight` or `hotel`, and what names the item in links.
    pub item: BTreeMap<&'static str, String>,
    pub passenger: String,
    pub phone: String,
    pub total_cny: u64,
    /// The form it came from: a form places one order however often it is sent.
    #[serde(skip)]
    token: String,
    #[serde(skip)]
    pub what: Item,
}

/// The order form as it was filled in.
#[derive(Clone, Debug)]
pub(super) struct Form {
    pub token: String,
    pub passenger: String,
    pub phone: String,
}

impl Form {
    /// Which field a person must correct, if any.
    pub fn mistake(&self) -> Option<&'static str> {
        let name = self.passenger.trim();
        let digits = self.phone.chars().filter(char::is_ascii_digit).count();
        let phone = self.phone.chars().all(|c| c.is_ascii_digit() || " +-".contains(c)) && (5..=15).contains(&digits);
        if name.is_empty() || name.chars().count() > FIELD || name.chars().any(char::is_control) {
            Some("name")
        } else if !phone || self.phone.len() > FIELD {
            Some("phone")
        } else {
            None
        }
    }
}

/// All orders of one site.
#[derive(Debug, Default)]
pub(super) struct OrderBook {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    orders: VecDeque<Order>,
    placed: u64,
    forms: u64,
}

impl OrderBook {
    /// Names a new order form.
    pub fn new_token(&self) -> String {
        let mut book = self.lock();
        book.forms += 1;
        format!("form-{}", book.forms)
    }

    /// Places an order, or finds the one that this form has placed before.
    pub fn place(&self, what: Item, form: Form) -> Order {
        let token: String = form.token.chars().take(FIELD).collect();
        let mut book = self.lock();
        if let Some(order) = book.orders.iter().find(|order| !token.is_empty() && order.token == token) {
            return order.clone();
        }
        book.placed += 1;
        let order = Order {
            id: format!("TT{}", 260_000 + book.placed),
            item: what.parameters().into_iter().collect(),
            passenger: form.passenger.trim().to_owned(),
            phone: form.phone.trim().to_owned(),
            total_cny: what.total(),
            token,
            what,
        };
        if book.orders.len() == KEPT {
            book.orders.pop_front();
        }
        book.orders.push_back(order.clone());
        order
    }

    pub fn find(&self, id: &str) -> Option<Order> {
        self.lock().orders.iter().find(|order| order.id == id).cloned()
    }

    /// All orders, oldest first.
    pub fn all(&self) -> Vec<Order> {
        self.lock().orders.iter().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it holds the lock; if something ever does, the book is still whole.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::link::Query;
    use super::*;

    fn item() -> Item {
        Item::read(&Query { flight: Some("CA1307".into()), ..Query::default() }).unwrap()
    }

    fn form(token: &str) -> Form {
        Form { token: token.into(), passenger: "张伟".into(), phone: "138 0013 8000".into() }
    }

    #[test]
    fn a_form_that_is_sent_twice_places_one_order() {
        let book = OrderBook::default();
        let first = book.place(item(), form("form-1"));
        assert_eq!(book.place(item(), form("form-1")).id, first.id);
        assert_ne!(book.place(item(), form("form-2")).id, first.id);
        assert_eq!(book.all().len(), 2);
        assert_eq!(book.find(&first.id).unwrap().total_cny, item().total());
    }

    #[test]
    fn the_book_is_bounded_and_forgets_the_oldest() {
        let book = OrderBook::default();
        let first = book.place(item(), form(""));
        for _ in 0..KEPT {
            book.place(item(), form(""));
        }
        assert_eq!(book.all().len(), KEPT);
        assert!(book.find(&first.id).is_none());
    }

    #[test]
    fn mistakes_are_told_by_field() {
        assert_eq!(form("").mistake(), None);
        assert_eq!(Form { passenger: "  ".into(), ..form("") }.mistake(), Some("name"));
        assert_eq!(Form { passenger: "x".repeat(61), ..form("") }.mistake(), Some("name"));
        assert_eq!(Form { phone: "call me".into(), ..form("") }.mistake(), Some("phone"));
    }
}
