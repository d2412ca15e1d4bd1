//! A shop's documents in its second year.

use mongrate::Model;

#[derive(Model)]
#[model(
    collection = "customers",
    validate = "strict",
    index(email, unique),
    index(plan, "address.city" = -1, partial_filter = { plan: "Pro" }),
    index(score, hidden)
)]
pub struct Customer {
    #[serde(rename = "_id")]
    pub id: i32,
    #[model(was = "mail")]
    pub email: String,
    pub age: String,
    pub plan: Plan,
    pub address: Address,
    #[model(default = 0)]
    pub score: i32,
    #[model(default = 3)]
    pub level: i64,
    pub nickname: Option<String>,
    pub phones: Vec<Phone>,
    pub company: Option<Company>,
}

#[derive(Model)]
pub enum Plan {
    Free,
    Pro,
}

#[derive(Model)]
pub struct Address {
    #[model(was = "city")]
    pub city: String,
    #[model(default = "DE")]
    pub country: String,
}

#[derive(Model)]
pub struct Phone {
    #[model(was = "number")]
    pub digits: String,
    #[model(default = "home")]
    pub kind: String,
}

#[derive(Model)]
pub struct Company {
    pub name: String,
    #[model(default = ["DE"])]
    pub countries: Vec<String>,
}

#[derive(Model)]
#[model(collection = "remarks", was = "notes", validate = "moderate", index(text))]
pub struct Note {
    #[serde(rename = "_id")]
    pub id: i32,
    pub text: String,
}

#[derive(Model)]
#[model(collection = "orders", validate = "strict", additional_properties = false, index(customer))]
pub struct Order {
    #[serde(rename = "_id")]
    pub id: i32,
    pub customer: i32,
    pub total: f64,
}
