//! A database and several companies, and the words that their tests use.

use crate::cluster::Cluster;
use crate::compare::company_equals_world;
use crate::log_scan::{holds_nothing_private, says};
use crate::scene::Scene;
use fake_pennylane::{Config, FakePennylane, Size};

/// The company of a number; 0 is that of the scene's own API.
pub fn company(number: u32) -> i64 {
    Config::company(number).company.id
}

/// The token of a company; long enough to have a hint.
pub fn token(number: u32) -> String {
    format!("secret-token-of-company-{number:02}-d2e84b60")
}

/// A small company of this number.
pub fn tiny(number: u32) -> Config {
    Config { size: Size::tiny(), token: token(number), ..Config::company(number) }
}

/// A database and the companies of an address, from number 0 on. Nothing is known of them yet, and the server has no
/// token.
pub struct Group {
    pub scene: Scene,
    neighbours: Vec<FakePennylane>,
}

impl Group {
    /// So many small companies.
    pub fn new(companies: u32, settings: &[&str]) -> Group {
        Group::of((0..companies).map(tiny), settings)
    }

    pub fn of(companies: impl IntoIterator<Item = Config>, settings: &[&str]) -> Group {
        Group::with_token("", companies, settings)
    }

    /// The server has this token of its own.
    pub fn with_token(token: &str, companies: impl IntoIterator<Item = Config>, settings: &[&str]) -> Group {
        let mut companies = companies.into_iter();
        let first = FakePennylane::start(companies.next().expect("a first company"));
        let neighbours = companies.map(|config| first.neighbour(config)).collect();
        // With log_statement = all each token would be in the log, and each call would say so.
        let settings: Vec<&str> = ["log_statement = none"].iter().chain(settings).copied().collect();
        Group { scene: Scene::with_token(token, Cluster::start, first, &settings), neighbours }
    }

    /// The same, all of them added.
    pub fn added(companies: u32, settings: &[&str]) -> Group {
        let group = Group::new(companies, settings);
        group.add(0..companies);
        group
    }

    pub fn api(&self, number: u32) -> &FakePennylane {
        number.checked_sub(1).map_or(&self.scene.api, |place| &self.neighbours[place as usize])
    }

    /// Adds companies with the tokens that they have.
    pub fn add(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            let added = self.scene.value(&format!("SELECT pennylane.add_company('{}')", token(number)));
            assert_eq!(added, Some(company(number).to_string()));
        }
    }

    /// The rows of these companies are those of their worlds.
    pub fn equal_worlds(&self, numbers: impl IntoIterator<Item = u32>) {
        for number in numbers {
            company_equals_world(&self.scene, self.api(number), company(number));
        }
    }

    /// How many runs of a company ended in this way.
    pub fn runs(&self, number: u32, status: &str) -> u32 {
        let query = "SELECT count(*) FROM pennylane.sync_runs WHERE company_id = ";
        let runs = self.scene.value(&format!("{query}{} AND status = '{status}'", company(number)));
        runs.unwrap().parse().unwrap()
    }

    /// How many rows of a company there are in all the tables that hold rows of companies.
    pub fn rows(&self, number: u32) -> i64 {
        let company = company(number);
        let mut client = self.scene.connect();
        let tables = client
            .query(
                "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'company_id' \
                 WHERE c.relnamespace = 'pennylane'::regnamespace AND c.relkind = 'r'",
                &[],
            )
            .unwrap();
        let count = |table: String| {
            client.query_one(&format!("SELECT count(*) FROM pennylane.{table} WHERE company_id = {company}"), &[])
        };
        tables.iter().map(|row| row.get(0)).map(count).map(|row| row.unwrap().get::<_, i64>(0)).sum()
    }
}

impl Drop for Group {
    /// The log holds nothing of the others either; the scene looks for what is its own.
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let log = self.scene.cluster.log();
        self.neighbours.iter().for_each(|api| holds_nothing_private(&log, api));
        for number in 0..=self.neighbours.len() as u32 {
            assert!(!says(&log, &token(number)), "the log holds the token of company {number}");
        }
    }
}
