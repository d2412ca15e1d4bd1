//! The clinic's migrations, one file each. `clinic create "…"` adds the next one here.

mod demo_patients;
mod m20250122001_initialize_migrations;
mod m20250122002_add_sample_index;
mod m20250122003_load_countries;
mod m20250122004_generate_patients;
mod m20250122005_generate_visits;
mod m20250122006_split_names;
mod m20250122007_validate_patients;
mod m20250122008_one_name_each;
mod m20250122009_month_of_visits;
