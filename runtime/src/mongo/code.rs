//! The server's error codes that Mongrate tells apart, with the names that they have in the
//! server's `src/mongo/base/error_codes.yml`.

pub(crate) const HOST_UNREACHABLE: i32 = 6;
pub(crate) const HOST_NOT_FOUND: i32 = 7;
pub(crate) const UNAUTHORIZED: i32 = 13;
pub(crate) const AUTHENTICATION_FAILED: i32 = 18;
pub(crate) const ILLEGAL_OPERATION: i32 = 20;
pub(crate) const LOCK_TIMEOUT: i32 = 24;
pub(crate) const NAMESPACE_NOT_FOUND: i32 = 26;
pub(crate) const INDEX_NOT_FOUND: i32 = 27;
pub(crate) const NAMESPACE_EXISTS: i32 = 48;
pub(crate) const MAX_TIME_MS_EXPIRED: i32 = 50;
pub(crate) const COMMAND_NOT_FOUND: i32 = 59;
pub(crate) const WRITE_CONCERN_FAILED: i32 = 64;
pub(crate) const INDEX_ALREADY_EXISTS: i32 = 68;
pub(crate) const NETWORK_TIMEOUT: i32 = 89;
pub(crate) const SHUTDOWN_IN_PROGRESS: i32 = 91;
pub(crate) const WRITE_CONFLICT: i32 = 112;
pub(crate) const COMMAND_NOT_SUPPORTED: i32 = 115;
pub(crate) const CONFLICTING_OPERATION_IN_PROGRESS: i32 = 117;
pub(crate) const DOCUMENT_VALIDATION_FAILURE: i32 = 121;
pub(crate) const NAMESPACE_NOT_SHARDED: i32 = 118;
pub(crate) const READ_CONCERN_MAJORITY_NOT_AVAILABLE_YET: i32 = 134;
pub(crate) const COMMAND_NOT_SUPPORTED_ON_VIEW: i32 = 166;
pub(crate) const PRIMARY_STEPPED_DOWN: i32 = 189;
pub(crate) const NOT_IMPLEMENTED: i32 = 238;
pub(crate) const CONVERSION_FAILURE: i32 = 241;
pub(crate) const NO_SUCH_TRANSACTION: i32 = 251;
pub(crate) const TRANSACTION_TOO_LARGE: i32 = 257;
pub(crate) const EXCEEDED_TIME_LIMIT: i32 = 262;
pub(crate) const TRANSACTION_EXCEEDED_LIFETIME_LIMIT_SECONDS: i32 = 290;
pub(crate) const INDEX_BUILD_ALREADY_IN_PROGRESS: i32 = 295;
pub(crate) const API_STRICT_ERROR: i32 = 323;
pub(crate) const CANNOT_CONVERT_INDEX_TO_UNIQUE: i32 = 359;
pub(crate) const TRANSACTION_TOO_LARGE_FOR_CACHE: i32 = 388;
pub(crate) const SOCKET_EXCEPTION: i32 = 9001;
pub(crate) const NOT_WRITABLE_PRIMARY: i32 = 10_107;
pub(crate) const BSON_OBJECT_TOO_LARGE: i32 = 10_334;
pub(crate) const DUPLICATE_KEY: i32 = 11_000;
pub(crate) const INTERRUPTED_AT_SHUTDOWN: i32 = 11_600;
/// `Interrupted`: somebody ended the operation, or its session. So does the server when its feature
/// compatibility version is changed.
pub(crate) const INTERRUPTED: i32 = 11_601;
pub(crate) const INTERRUPTED_DUE_TO_REPL_STATE_CHANGE: i32 = 11_602;
/// `SearchNotEnabled`.
pub(crate) const SEARCH_NOT_ENABLED: i32 = 31_082;
/// `$listSearchIndexes` on MongoDB 7.0 Community, and behind some mongos: they have no names there.
pub(crate) const SEARCH_ONLY_ON_ATLAS: i32 = 6_047_401;
pub(crate) const SEARCH_NOT_CONFIGURED: i32 = 7_501_001;
/// An aggregation with a stage that the server does not know: it has no name there.
pub(crate) const UNRECOGNIZED_STAGE: i32 = 40_324;
pub(crate) const BACKGROUND_OPERATION_IN_PROGRESS_FOR_NAMESPACE: i32 = 12_587;
pub(crate) const NOT_PRIMARY_NO_SECONDARY_OK: i32 = 13_435;
pub(crate) const NOT_PRIMARY_OR_SECONDARY: i32 = 13_436;

/// Whether a server does not know or does not offer what it was asked for, as products that are nearly
/// MongoDB answer.
pub(crate) const fn is_unknown_command(code: i32) -> bool {
    matches!(code, COMMAND_NOT_FOUND | COMMAND_NOT_SUPPORTED | NOT_IMPLEMENTED)
}
