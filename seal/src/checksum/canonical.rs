//! One spelling for code that means the same.
//!
//! All parentheses are removed, and then put around every operand that is more than a name or a
//! literal. So the tokens alone carry the structure of the tree, and redundant parentheses do not
//! show. The result need not compile.
//!
//! This file and `invocations` need each other, because a macro's input may hold expressions, and an
//! expression may be a macro: it is the one circle of files in this crate.

use quote::quote;
use syn::{
    Abi, AngleBracketedGenericArguments, Arm, Attribute, Block, BoundLifetimes, Constraint, Expr,
    ExprArray, ExprCall, ExprClosure, ExprIf, ExprMethodCall, ExprParen, ExprStruct, ExprTuple,
    FieldValue, FieldsNamed, FieldsUnnamed, FnPtrVariadic, Generics, ItemEnum, ItemMacro, ItemMod,
    ItemTrait, ItemTraitAlias, LifetimeParam, LitStr, LocalInit, Macro, MacroDelimiter, Member,
    Meta, MetaList, ParenthesizedGenericArguments, Pat, PatOr, PatParen, PatSlice, PatStruct,
    PatTuple, PatTupleStruct, PathArguments, PreciseCapture, PredicateLifetime, PredicateType,
    ReturnType, Signature, Token, TraitBound, TraitItemType, Type, TypeFnPtr, TypeImplTrait,
    TypeParam, TypeParen, TypeTraitObject, TypeTuple, UseGroup, Variadic, VisRestricted,
    WhereClause,
    ext::IdentExt as _,
    punctuated::Punctuated,
    token,
    visit_mut::{self, VisitMut},
};

use super::{blocks, imports, invocations};
use crate::built_in::is_advice_path;

/// The walk. It has no state: the spelling of a node depends only on the node.
pub(super) struct Canonical;

/// Lists whose trailing separator means nothing.
macro_rules! untrailed {
    ($($visit:ident($node:ident.$list:ident);)*) => {$(
        fn $visit(&mut self, node: &mut $node) {
            visit_mut::$visit(self, node);
            untrail(&mut node.$list);
        }
    )*};
}

impl VisitMut for Canonical {
    untrailed! {
        visit_bound_lifetimes_mut(BoundLifetimes.lifetimes);
        visit_constraint_mut(Constraint.bounds);
        visit_expr_array_mut(ExprArray.elems);
        visit_expr_call_mut(ExprCall.args);
        visit_expr_method_call_mut(ExprMethodCall.args);
        visit_expr_struct_mut(ExprStruct.fields);
        visit_expr_tuple_mut(ExprTuple.elems);
        visit_fields_named_mut(FieldsNamed.named);
        visit_fields_unnamed_mut(FieldsUnnamed.unnamed);
        visit_item_enum_mut(ItemEnum.variants);
        visit_item_trait_alias_mut(ItemTraitAlias.bounds);
        visit_parenthesized_generic_arguments_mut(ParenthesizedGenericArguments.inputs);
        visit_pat_slice_mut(PatSlice.elems);
        visit_pat_struct_mut(PatStruct.fields);
        visit_pat_tuple_mut(PatTuple.elems);
        visit_pat_tuple_struct_mut(PatTupleStruct.elems);
        visit_precise_capture_mut(PreciseCapture.params);
        visit_predicate_lifetime_mut(PredicateLifetime.bounds);
        visit_predicate_type_mut(PredicateType.bounds);
        visit_signature_mut(Signature.inputs);
        visit_type_fn_ptr_mut(TypeFnPtr.inputs);
        visit_type_impl_trait_mut(TypeImplTrait.bounds);
        visit_type_trait_object_mut(TypeTraitObject.bounds);
        visit_type_tuple_mut(TypeTuple.elems);
        visit_use_group_mut(UseGroup.items);
        visit_where_clause_mut(WhereClause.predicates);
    }

    fn visit_expr_mut(&mut self, expr: &mut Expr) {
        unfence(expr);
        visit_mut::visit_expr_mut(self, expr);
        if matches!(expr, Expr::Block(block) if blocks::is_literal(&block.block)) {
            blocks::unbrace(expr);
        }
        if !matches!(expr, Expr::Lit(_) | Expr::Path(_) | Expr::Infer(_)) {
            fence(expr);
        }
    }

    fn visit_expr_closure_mut(&mut self, closure: &mut ExprClosure) {
        visit_mut::visit_expr_closure_mut(self, closure);
        untrail(&mut closure.inputs);
        blocks::unbrace(&mut closure.body);
    }

    fn visit_expr_if_mut(&mut self, branch: &mut ExprIf) {
        self.visit_attributes_mut(&mut branch.attrs);
        self.visit_expr_mut(&mut branch.cond);
        self.visit_block_mut(&mut branch.then_branch);
        if let Some((_, otherwise)) = &mut branch.else_branch {
            // Not an operand: `else` takes a block or another `if`.
            visit_mut::visit_expr_mut(self, otherwise);
        }
    }

    fn visit_local_init_mut(&mut self, init: &mut LocalInit) {
        self.visit_expr_mut(&mut init.expr);
        if let Some((_, otherwise)) = &mut init.diverge {
            visit_mut::visit_expr_mut(self, otherwise);
        }
    }

    fn visit_field_value_mut(&mut self, field: &mut FieldValue) {
        visit_mut::visit_field_value_mut(self, field);
        if let (Member::Named(name), Expr::Path(value)) = (&field.member, &field.expr)
            && value.attrs.is_empty()
            && value.path.get_ident().is_some_and(|value| value.unraw() == name.unraw())
        {
            field.colon_token = None;
        }
    }

    fn visit_arm_mut(&mut self, arm: &mut Arm) {
        visit_mut::visit_arm_mut(self, arm);
        blocks::unbrace(&mut arm.body);
        arm.comma = Some(<Token![,]>::default());
    }

    fn visit_block_mut(&mut self, block: &mut Block) {
        blocks::unify(block);
        visit_mut::visit_block_mut(self, block);
        blocks::settle(block);
    }

    fn visit_macro_mut(&mut self, invocation: &mut Macro) {
        self.visit_path_mut(&mut invocation.path);
        invocations::settle(invocation);
    }

    fn visit_item_macro_mut(&mut self, item: &mut ItemMacro) {
        self.visit_attributes_mut(&mut item.attrs);
        if item.mac.path.is_ident("macro_rules") {
            invocations::settle_definition(item);
        } else {
            self.visit_macro_mut(&mut item.mac);
            item.semi_token = None;
        }
    }

    fn visit_item_mod_mut(&mut self, module: &mut ItemMod) {
        visit_mut::visit_item_mod_mut(self, module);
        if let Some((_, items)) = &mut module.content {
            imports::sort_items(items);
        }
    }

    fn visit_pat_mut(&mut self, pattern: &mut Pat) {
        while let Pat::Paren(paren) = pattern
            && paren.attrs.iter().all(is_advice)
        {
            let inner = std::mem::replace(&mut *paren.pat, Pat::Verbatim(quote!()));
            *pattern = inner;
        }
        visit_mut::visit_pat_mut(self, pattern);
        if let Pat::Or(alternatives) = pattern
            && alternatives.cases.len() == 1
            && let Some(only) = alternatives.cases.pop()
        {
            *pattern = only;
            return;
        }
        let stands_alone = match &pattern {
            Pat::Ident(name) => {
                name.by_ref.is_none() && name.mutability.is_none() && name.subpat.is_none()
            }
            Pat::Lit(_) | Pat::Path(_) | Pat::Rest(_) | Pat::Wild(_) => true,
            _ => false,
        };
        if !stands_alone {
            let inner = std::mem::replace(pattern, Pat::Verbatim(quote!()));
            *pattern = Pat::Paren(PatParen {
                attrs: Vec::new(),
                paren_token: token::Paren::default(),
                pat: Box::new(inner),
            });
        }
    }

    fn visit_pat_or_mut(&mut self, alternatives: &mut PatOr) {
        visit_mut::visit_pat_or_mut(self, alternatives);
        alternatives.leading_vert = None;
        untrail(&mut alternatives.cases);
    }

    fn visit_type_mut(&mut self, ty: &mut Type) {
        loop {
            let inner = match ty {
                Type::Paren(paren) => &mut paren.elem,
                Type::Group(group) => &mut group.elem,
                _ => break,
            };
            let inner = std::mem::replace(&mut **inner, Type::Verbatim(quote!()));
            *ty = inner;
        }
        visit_mut::visit_type_mut(self, ty);
        if !matches!(ty, Type::Path(_) | Type::Infer(_) | Type::Never(_)) {
            let inner = std::mem::replace(ty, Type::Verbatim(quote!()));
            *ty = Type::Paren(TypeParen {
                attrs: Vec::new(),
                paren_token: token::Paren::default(),
                elem: Box::new(inner),
            });
        }
    }

    fn visit_path_arguments_mut(&mut self, arguments: &mut PathArguments) {
        visit_mut::visit_path_arguments_mut(self, arguments);
        if matches!(arguments, PathArguments::AngleBracketed(list) if list.args.is_empty()) {
            *arguments = PathArguments::None;
        }
    }

    fn visit_angle_bracketed_generic_arguments_mut(
        &mut self,
        arguments: &mut AngleBracketedGenericArguments,
    ) {
        visit_mut::visit_angle_bracketed_generic_arguments_mut(self, arguments);
        // `Vec::<u8>` is `Vec<u8>`: whether the colons are required depends on the place.
        arguments.colon2_token = None;
        untrail(&mut arguments.args);
    }

    fn visit_return_type_mut(&mut self, output: &mut ReturnType) {
        visit_mut::visit_return_type_mut(self, output);
        if let ReturnType::Type(_, ty) = output
            && let Type::Paren(paren) = &**ty
            && matches!(&*paren.elem, Type::Tuple(unit) if unit.elems.is_empty())
        {
            *output = ReturnType::Default;
        }
    }

    fn visit_generics_mut(&mut self, generics: &mut Generics) {
        visit_mut::visit_generics_mut(self, generics);
        untrail(&mut generics.params);
        if generics.params.is_empty() {
            generics.lt_token = None;
            generics.gt_token = None;
        }
        if generics.where_clause.as_ref().is_some_and(|clause| clause.predicates.is_empty()) {
            generics.where_clause = None;
        }
    }

    fn visit_type_param_mut(&mut self, parameter: &mut TypeParam) {
        visit_mut::visit_type_param_mut(self, parameter);
        untrail(&mut parameter.bounds);
        parameter.colon_token = parameter.colon_token.filter(|_| !parameter.bounds.is_empty());
    }

    fn visit_lifetime_param_mut(&mut self, parameter: &mut LifetimeParam) {
        visit_mut::visit_lifetime_param_mut(self, parameter);
        untrail(&mut parameter.bounds);
        parameter.colon_token = parameter.colon_token.filter(|_| !parameter.bounds.is_empty());
    }

    fn visit_item_trait_mut(&mut self, item: &mut ItemTrait) {
        visit_mut::visit_item_trait_mut(self, item);
        untrail(&mut item.supertraits);
        item.colon_token = item.colon_token.filter(|_| !item.supertraits.is_empty());
    }

    fn visit_trait_item_type_mut(&mut self, item: &mut TraitItemType) {
        visit_mut::visit_trait_item_type_mut(self, item);
        untrail(&mut item.bounds);
        item.colon_token = item.colon_token.filter(|_| !item.bounds.is_empty());
    }

    fn visit_trait_bound_mut(&mut self, bound: &mut TraitBound) {
        visit_mut::visit_trait_bound_mut(self, bound);
        bound.paren_token = None;
    }

    fn visit_fn_ptr_variadic_mut(&mut self, variadic: &mut FnPtrVariadic) {
        variadic.comma = None;
    }

    fn visit_variadic_mut(&mut self, variadic: &mut Variadic) {
        variadic.comma = None;
    }

    fn visit_abi_mut(&mut self, abi: &mut Abi) {
        abi.name.get_or_insert_with(|| LitStr::new("C", proc_macro2::Span::call_site()));
    }

    fn visit_vis_restricted_mut(&mut self, visibility: &mut VisRestricted) {
        let one_word = ["crate", "self", "super"].iter().any(|word| visibility.path.is_ident(word));
        visibility.in_token = visibility.in_token.filter(|_| !one_word);
    }

    fn visit_attributes_mut(&mut self, attributes: &mut Vec<Attribute>) {
        attributes.retain(|attribute| !is_advice(attribute));
        for attribute in &mut *attributes {
            self.visit_attribute_mut(attribute);
        }
        merge_derives(attributes);
    }

    fn visit_meta_list_mut(&mut self, list: &mut MetaList) {
        list.delimiter = MacroDelimiter::Paren(token::Paren::default());
        let tokens = std::mem::take(&mut list.tokens);
        list.tokens = invocations::without_trailing_commas(tokens, true);
    }
}

fn untrail<T, P>(list: &mut Punctuated<T, P>) {
    if list.trailing_punct() {
        list.pop_punct();
    }
}

/// Removes parentheses and invisible groups.
fn unfence(expr: &mut Expr) {
    loop {
        let inner = match expr {
            Expr::Paren(paren) if paren.attrs.iter().all(is_advice) => &mut paren.expr,
            Expr::Group(group) if group.attrs.iter().all(is_advice) => &mut group.expr,
            _ => return,
        };
        let inner = std::mem::replace(&mut **inner, Expr::Verbatim(quote!()));
        *expr = inner;
    }
}

/// Puts parentheses around an expression.
pub(super) fn fence(expr: &mut Expr) {
    let inner = std::mem::replace(expr, Expr::Verbatim(quote!()));
    *expr = Expr::Paren(ExprParen {
        attrs: Vec::new(),
        paren_token: token::Paren::default(),
        expr: Box::new(inner),
    });
}

/// Whether an attribute changes nothing that the function does. `#[migration]` itself changes
/// nothing either, by whatever path it is written.
fn is_advice(attribute: &Attribute) -> bool {
    let path = attribute.path();
    is_advice_path(path) || path.segments.last().is_some_and(|last| last.ident == "migration")
}

/// `#[derive(A)] #[derive(B)]` is `#[derive(A, B)]`.
fn merge_derives(attributes: &mut Vec<Attribute>) {
    attributes.dedup_by(|later, earlier| match (&mut earlier.meta, &later.meta) {
        (Meta::List(earlier), Meta::List(later))
            if earlier.path.is_ident("derive") && later.path.is_ident("derive") =>
        {
            let (first, second) = (&earlier.tokens, &later.tokens);
            let comma = (!first.is_empty() && !second.is_empty()).then(<Token![,]>::default);
            earlier.tokens = quote!(#first #comma #second);
            true
        }
        _ => false,
    });
}
