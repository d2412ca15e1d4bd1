//! The shapes of the types, as text.

use mongrate::{Model as _, Shaped, models::Shape};

use crate::types;

fn text<T: Shaped>() -> String {
    let shape = Shape::from(T::SHAPE);
    assert_eq!(shape.hash(), T::SHAPE.hash(), "what the compiler folds");
    shape.text()
}

#[test]
fn serdes_attributes_decide() {
    assert_eq!(
        text::<types::User>(),
        "object{_id:objectId,alias?:[{long}]|null,count?:int,\
         maybe_plan?:\"FREE-FOR-ALL\"|\"PRO\"|\"gold\"|null,plan:\"FREE-FOR-ALL\"|\"PRO\"|\"gold\",\
         tags?:[string],written_never?:int}"
    );
    assert_eq!(types::User::COLLECTION, "users");
    assert_eq!(
        text::<types::Closed>(),
        "object!{inner:object!{a:int,list:[object{\"Größe in m\":double,\"a.b\":long,\
         firstName:string}]},name:string,note?:string|null}"
    );
}

#[test]
fn widths_are_those_of_bson() {
    assert_eq!(
        text::<types::Numbers>(),
        "object{a:int,b:int,c:int,d:long,e:long,f:int,g:int,h:long,i:long,j:long,k:double,l:double,\
         m:bool,n:string,o:null,p:long,q:int}"
    );
}

#[test]
fn enums_of_each_kind() {
    assert_eq!(
        text::<types::External>(),
        "<\"unit_one\",object!{boxed:object{\"Größe in m\":double,\"a.b\":long,firstName:string}},\
         object!{new_type:int},object!{struct:object{otherField?:string|null,someField:int}},\
         object!{three:(int,string,bool|null)},object!{upper:object{SOME_FIELD:int}}>"
    );
    assert_eq!(
        text::<types::Adjacent>(),
        "<object{c:(int,bool),t:\"Pair\"},object{c:object{a:int},t:\"Struct\"},\
         object{c?:int|null,t:\"Newtype\"},object{t:\"Unit\"}>"
    );
    assert_eq!(
        text::<types::InternalClosed>(),
        "<object!{\"Größe in m\":double,\"a.b\":long,firstName:string,type:\"Newtype\"},\
         object!{a:int,type:\"Struct\"},object!{type:\"Unit\"}>"
    );
}

#[test]
fn a_type_in_itself_refers_to_itself() {
    assert_eq!(
        text::<types::Tree>(),
        "<\"Leaf\",object!{Branch:(^2,^2)},object!{Named:object{name:string,tree:^3}}>"
    );
    assert_eq!(
        text::<types::Node>(),
        "object{kids:[^1],name:string,next?:^1|null,other?:object{back?:^2|null,tree:<\"Leaf\",\
         object!{Branch:(^2,^2)},object!{Named:object{name:string,tree:^3}}>}|null}"
    );
}

#[test]
fn generic_types_and_newtypes_are_what_is_in_them() {
    assert_eq!(text::<types::Page<i32>>(), "object{first?:int|null,items:[int],total:long}");
    assert_eq!(
        text::<types::Newtypes>(),
        "object{clear?:int|null,id:string,maybe:int|null,nested:string,pair:(int,binData)}"
    );
    assert_eq!(text::<types::WithInto>(), "object{celsius:double}");
    assert_eq!(text::<types::ByNumber>(), "int");
    assert_eq!(
        text::<types::Borrowed<'_>>(),
        "object{inner:object{name:string},name:string,tags:[string]}"
    );
}
