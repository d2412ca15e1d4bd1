//! A shop's documents in its first year.

use mongrate::Model;

#[derive(Model)]
#[model(collection = "customers", validate = "strict", index(mail, unique), index(score))]
pub struct Customer {
    #[serde(rename = "_id")]
    pub id: i32,
    pub mail: String,
    pub age: i32,
    pub plan: Plan,
    pub city: String,
    pub fax: Option<String>,
    pub score: Option<i32>,
    pub phones: Vec<Phone>,
    pub company: Option<Company>,
}

#[derive(Model)]
pub enum Plan {
    Free,
    Trial,
}

#[derive(Model)]
pub struct Phone {
    pub number: String,
}

#[derive(Model)]
pub struct Company {
    pub name: String,
}

#[derive(Model)]
#[model(collection = "notes", index(text))]
pub struct Note {
    #[serde(rename = "_id")]
    pub id: i32,
    pub text: String,
}

#[derive(Model)]
#[model(collection = "drafts", validate = "moderate", action = "warn")]
pub struct Draft {
    #[serde(rename = "_id")]
    pub id: i32,
    pub text: String,
}
