//! Errors, and the pages that stand for them: `error_page`.

use h1_core::{Method, Status};

use super::Route;
use super::flow::{Flow, Outcome};
use super::trace::Note;
use super::variables::View;
use crate::config::model::{Answer, ErrorPage, ErrorTarget};

impl View<'_> {
    /// The request has failed with `status`: it goes on to a page for that, or ends with one of ours.
    pub(super) fn fail(&self, route: &mut Route, status: Status) -> Flow {
        route.sink.note(|| Note::Error {
            status: status.code(),
        });
        route.status = Some(status);
        route.too_large |= status == Status::CONTENT_TOO_LARGE;
        let settings = &self.rules(route).settings;
        if route.in_error_page || route.changes == 0 {
            return Flow::End(Outcome::Page(status));
        }
        let mut pages = settings.error_pages.iter();
        let Some(page) = pages.find(|page| page.statuses.contains(&status)) else {
            return Flow::End(Outcome::Page(status));
        };
        route.in_error_page = !settings.recursive_error_pages;
        self.go_to_page(route, page, status)
    }

    fn go_to_page(&self, route: &mut Route, page: &ErrorPage, status: Status) -> Flow {
        route.status = match page.answer {
            Answer::Same => Some(status),
            Answer::OfPage => None,
            Answer::Code(code) => Some(code),
        };
        let (ErrorTarget::Uri(target) | ErrorTarget::Url(target)) = &page.to else {
            return match &page.to {
                ErrorTarget::Named(name) => self.go_to_name(route, name),
                _ => Flow::End(Outcome::Page(status)),
            };
        };
        let mut text = route.take_scratch();
        self.expand(route, target, &mut text);
        let flow = match &text[..] {
            [b'/', ..] => {
                let method = self.request.map(|request| request.method());
                route.as_get = method != Some(Method::Head);
                self.go_to(route, &text, "error_page")
            }
            [b'@', name @ ..] => self.go_to_name(route, &String::from_utf8_lossy(name)),
            _ => {
                route.target.clear();
                route.target.extend_from_slice(&text);
                let code = route.status.filter(|it| is_redirect(*it));
                Flow::End(Outcome::Redirect(code.unwrap_or(Status::FOUND)))
            }
        };
        route.give_scratch(text);
        flow
    }
}

fn is_redirect(status: Status) -> bool {
    matches!(status.code(), 301 | 302 | 303 | 307 | 308)
}
