//! What the guide to notifications shows, is so.
