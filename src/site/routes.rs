//! The site's addresses and what answers them.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, Query as UrlQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form as FormBody, Json, Router};

use super::city::City;
use super::hotel::Hotel;
use super::link::{DeadLink, Item, Query, Stay, Trip};
use super::order::{Form, Order, OrderBook, TRAVELLER};
use super::view::{flights, hotels, orders, page, search};

/// An order form is small, octets.
const MAX_BODY: usize = 16 * 1024;

const STYLE: &str = concat!(
    include_str!("../../web/site/base.css"),
    include_str!("../../web/site/search.css"),
    include_str!("../../web/site/cards.css"),
    include_str!("../../web/site/order.css"),
);

type Book = State<Arc<OrderBook>>;
type Answer = Result<Response, DeadLink>;

/// A site with an empty order book.
pub(super) fn router() -> Router {
    Router::new()
        .route("/", get(search_page))
        .route("/cities", get(cities_page))
        .route("/flights", get(flight_list))
        .route("/flights/{code}", get(flight_detail))
        .route("/hotels", get(hotel_list))
        .route("/hotels/{id}", get(hotel_detail))
        .route("/order", get(order_form))
        .route("/orders", post(place_order).get(order_list))
        .route("/order/confirmed", get(confirmed))
        .route("/api/orders", get(list_orders))
        .route("/site.css", get(style))
        .route("/favicon.ico", get(StatusCode::NO_CONTENT))
        .fallback(|| async { DeadLink })
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Arc::new(OrderBook::default()))
}

impl IntoResponse for DeadLink {
    fn into_response(self) -> Response {
        (StatusCode::NOT_FOUND, page::not_found()).into_response()
    }
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=3600")], STYLE)
}

async fn search_page(UrlQuery(query): UrlQuery<Query>) -> Answer {
    match query.tab.as_deref() {
        None | Some("flights") => Ok(search::flights(Trip::read(&query)?).into_response()),
        Some("hotels") => Ok(search::hotels(Stay::read(&query)?).into_response()),
        Some(_) => Err(DeadLink),
    }
}

async fn cities_page(UrlQuery(query): UrlQuery<Query>) -> Answer {
    let (trip, stay) = (Trip::read(&query)?, Stay::read(&query)?);
    let pick = match query.field.as_deref() {
        Some("from") => search::Pick::From(trip),
        Some("to") => search::Pick::To(trip),
        Some("city") => search::Pick::Stay(stay),
        _ => return Err(DeadLink),
    };
    Ok(search::cities(pick).into_response())
}

async fn flight_list(UrlQuery(query): UrlQuery<Query>) -> Answer {
    let sort = flights::Sort::read(query.sort.as_deref()).ok_or(DeadLink)?;
    Ok(flights::list(Trip::read(&query)?, sort).into_response())
}

async fn flight_detail(Path(code): Path<String>, UrlQuery(query): UrlQuery<Query>) -> Answer {
    let trip = Trip::read(&query)?;
    Ok(flights::detail(trip, &trip.flight(&code)?).into_response())
}

async fn hotel_list(UrlQuery(query): UrlQuery<Query>) -> Answer {
    Ok(hotels::list(Stay::read(&query)?).into_response())
}

async fn hotel_detail(Path(id): Path<String>, UrlQuery(query): UrlQuery<Query>) -> Answer {
    let hotel = Hotel::find(&id).ok_or(DeadLink)?;
    // The hotel says its city better than the query does.
    let city: &'static City = hotel.city;
    Ok(hotels::detail(Stay { city, ..Stay::read(&query)? }, hotel).into_response())
}

async fn order_form(State(book): Book, UrlQuery(query): UrlQuery<Query>) -> Answer {
    let item = Item::read(&query)?;
    let (name, phone) = TRAVELLER;
    let form = Form { token: book.new_token(), passenger: name.to_owned(), phone: phone.to_owned() };
    Ok(orders::form(&item, &form, None).into_response())
}

async fn place_order(State(book): Book, FormBody(query): FormBody<Query>) -> Answer {
    let item = Item::read(&query)?;
    let form = Form {
        token: query.token.unwrap_or_default(),
        passenger: query.name.unwrap_or_default(),
        phone: query.phone.unwrap_or_default(),
    };
    if let Some(field) = form.mistake() {
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, orders::form(&item, &form, Some(field))).into_response());
    }
    let order = book.place(item, form);
    // See Other: reloading the confirmation does not send the form again (RFC 9110 §15.4.4).
    Ok(Redirect::to(&format!("/order/confirmed?id={}", order.id)).into_response())
}

async fn confirmed(State(book): Book, UrlQuery(query): UrlQuery<Query>) -> Answer {
    let order = query.id.as_deref().and_then(|id| book.find(id)).ok_or(DeadLink)?;
    Ok(orders::confirmed(&order).into_response())
}

async fn order_list(State(book): Book) -> Response {
    orders::list(&book.all()).into_response()
}

async fn list_orders(State(book): Book) -> Json<Vec<Order>> {
    Json(book.all())
}
