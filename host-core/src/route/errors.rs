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
        match self.page_for(route, status) {
            Some(page) => self.go_to_page(route, page, status),
            None => Flow::End(Outcome::Page(status)),
        }
    }

    /// The content of the request is gone: what stands for the error, be it a named location, is for GET.
    pub(super) fn fail_without_content(&self, route: &mut Route, status: Status) -> Flow {
        let had_content = self.has_content(route);
        let flow = self.fail(route, status);
        if had_content && matches!(flow, Flow::On) {
            route.as_get = self.method(route) != Method::Head;
        }
        flow
    }

    /// A redirect to `route.target`. It may have a page, too, beside which Location stays.
    pub(super) fn redirect(&self, route: &mut Route, status: Status) -> Flow {
        match self.page_for(route, status) {
            Some(page) => {
                std::mem::swap(&mut route.moved, &mut route.target);
                self.go_to_page(route, page, status)
            }
            None => Flow::End(Outcome::Redirect(status)),
        }
    }

    /// The page for a status, if the request may go on to one.
    fn page_for<'s>(&'s self, route: &mut Route, status: Status) -> Option<&'s ErrorPage> {
        let settings = &self.rules(route).settings;
        if route.in_error_page || route.changes == 0 {
            return None;
        }
        let mut pages = settings.error_pages.iter();
        let page = pages.find(|page| page.statuses.contains(&status))?;
        route.in_error_page = !settings.recursive_error_pages;
        Some(page)
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
                let code = match page.answer {
                    Answer::Code(code) if is_redirect(code) => code,
                    _ => Status::FOUND,
                };
                Flow::End(Outcome::Redirect(code))
            }
        };
        route.give_scratch(text);
        flow
    }
}

fn is_redirect(status: Status) -> bool {
    matches!(status.code(), 301 | 302 | 303 | 307 | 308)
}
