//! The driver: one loop between the room and the browser.
//!
//! An action may call into the page, and the page may call back at once: JupyterLab writes outputs back
//! while a remote update is being applied. So events are only ever queued, one loop drains them, and
//! it holds no borrow of the room while it does an action.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use wasm_bindgen_futures::spawn_local;
use web_sys::WebSocket;

use super::connection::{Connection, Ice, Prepared};
use super::keeper::Keeper;
use super::page::Page;
use super::socket::Socket;
use super::tabs::Tabs;
use crate::room::ids::{LinkId, ServerId};
use crate::room::limits::Millis;
use crate::room::sorted::SortedMap;
use crate::room::{Action, Event, Room};

/// What a room uses of the world outside the page.
pub struct Servers {
    /// Of the signaling servers.
    pub urls: Vec<String>,
    /// What the page has dialled of them already, in this order.
    pub dialled: Vec<Option<WebSocket>>,
    /// STUN and TURN servers.
    pub ice: Ice,
    /// The database that keeps the room's history.
    pub history: Option<String>,
    /// The browser tab, for what its pages leave to each other.
    pub browser_tab: Option<String>,
}

/// What runs a room in a page.
pub struct Driver {
    room: RefCell<Room>,
    inbox: RefCell<VecDeque<Event>>,
    running: Cell<bool>,
    urls: Vec<String>,
    dialled: RefCell<Vec<Option<WebSocket>>>,
    ice: Ice,
    sockets: RefCell<SortedMap<ServerId, Socket>>,
    connections: RefCell<SortedMap<LinkId, Connection>>,
    /// A connection to nobody yet, and whether one was made.
    prepared: RefCell<Option<Prepared>>,
    prepares: Cell<bool>,
    tabs: RefCell<Option<Rc<Tabs>>>,
    keeper: Option<Keeper>,
    page: Page,
    alarm: RefCell<Option<(Millis, Timeout)>>,
}

/// Where callbacks put events. It does not keep the driver alive.
#[derive(Clone)]
pub struct Inbox(Weak<Driver>);

impl Inbox {
    /// Hands an event to the room, now or as soon as what is being done is done.
    pub fn put(&self, event: Event) {
        if let Some(driver) = self.0.upgrade() {
            driver.put(event);
        }
    }
}

impl Driver {
    /// Begins to run `room`.
    pub fn start(room: Room, servers: Servers, page: Page) -> Rc<Self> {
        let tab = servers.browser_tab;
        let keeper = servers.history.map(|database| Keeper::new(database, tab, room.id()));
        let driver = Rc::new(Self {
            keeper,
            room: RefCell::new(room),
            inbox: RefCell::default(),
            running: Cell::new(false),
            urls: servers.urls,
            dialled: RefCell::new(servers.dialled),
            ice: servers.ice,
            sockets: RefCell::default(),
            connections: RefCell::default(),
            prepared: RefCell::default(),
            prepares: Cell::new(false),
            tabs: RefCell::default(),
            page,
            alarm: RefCell::default(),
        });
        let name = driver.room(Room::tabs);
        let tabs = name.map(|name| Tabs::open(name, driver.room(Room::me), driver.inbox()));
        let is_alone = matches!(tabs, Some(Err(_)));
        driver.tabs.replace(tabs.and_then(Result::ok));
        // Not at once: the page has not got the engine in its hands yet. And not by a timer: the first
        // thing to do is to dial, and everything waits for that.
        let inbox = driver.inbox();
        let first = if is_alone { Event::Leads } else { Event::Wake };
        spawn_local(async move { inbox.put(first) });
        driver
    }

    fn inbox(self: &Rc<Self>) -> Inbox {
        Inbox(Rc::downgrade(self))
    }

    /// Looks at the room. The page only gets here when no action is being decided.
    pub fn room<T>(&self, look: impl FnOnce(&Room) -> T) -> T {
        look(&self.room.borrow())
    }

    /// Takes something from the room. No action may follow from it.
    pub fn take<T>(&self, take: impl FnOnce(&mut Room) -> T) -> T {
        take(&mut self.room.borrow_mut())
    }

    /// Hands in an event, and does what follows from it unless that is being done already.
    pub fn put(self: &Rc<Self>, event: Event) {
        self.inbox.borrow_mut().push_back(event);
        if self.running.replace(true) {
            return;
        }
        while let Some(event) = self.next_event() {
            self.room.borrow_mut().handle(event, super::now());
            while let Some(action) = self.next_action() {
                self.perform(action);
            }
        }
        self.running.set(false);
        self.set_alarm();
    }

    fn next_event(&self) -> Option<Event> {
        self.inbox.borrow_mut().pop_front()
    }

    fn next_action(&self) -> Option<Action> {
        self.room.borrow_mut().poll()
    }

    fn perform(self: &Rc<Self>, action: Action) {
        match action {
            Action::Dial(server) => self.dial(server),
            Action::Say(server, text) => {
                if let Some(socket) = self.sockets.borrow().get(&server) {
                    socket.say(text);
                }
                self.prepare();
            }
            Action::Connect(link) => self.connect(link),
            Action::Offer(link) => self.with_connection(link, Connection::offer),
            Action::Restart(link) => self.with_connection(link, Connection::restart),
            Action::Accept { link, kind, sdp } => {
                self.with_connection(link, |connection| connection.accept(kind, sdp))
            }
            Action::AddCandidate { link, candidate } => {
                self.with_connection(link, |connection| connection.add_candidate(candidate));
            }
            Action::Close(link) => {
                let connection = self.connections.borrow_mut().remove(&link);
                if connection.is_none() {
                    self.with_tabs(|tabs| tabs.close(link));
                }
            }
            Action::Send { link, lane, frame } => match self.connections.borrow().get(&link) {
                Some(connection) => connection.send(lane, &frame),
                None => self.with_tabs(|tabs| tabs.send(link, lane, &frame)),
            },
            Action::Hang(server) => drop(self.sockets.borrow_mut().remove(&server)),
            Action::TellTabs(word) => self.with_tabs(|tabs| tabs.tell(word)),
            Action::Join { link, peer, follows } => {
                if follows {
                    self.hang_up();
                }
                self.with_tabs(|tabs| tabs.join(link, peer, follows));
            }
            Action::Restore => self.with_keeper(Keeper::restore),
            Action::Write { number, write } => {
                self.with_keeper(|keeper, inbox| keeper.write(number, write, inbox))
            }
            action => self.page.tell(action),
        }
    }

    fn dial(self: &Rc<Self>, server: ServerId) {
        if let Some(url) = self.urls.get(server.0) {
            let dialled = self.dialled.borrow_mut().get_mut(server.0).and_then(Option::take);
            let socket = Socket::open(server, url, dialled, self.inbox());
            self.sockets.borrow_mut().insert(server, socket);
        }
    }

    /// Makes the first connection ahead, while others hear that we are here: a browser takes some
    /// milliseconds for it, and some more for the certificate. Where it fails it is tried again, and
    /// told, when there is somebody to connect to.
    fn prepare(self: &Rc<Self>) {
        if self.prepares.replace(true) {
            return;
        }
        // After the tasks that say it to them.
        let driver = Rc::downgrade(self);
        spawn_local(async move {
            if let Some(driver) = driver.upgrade() {
                driver.prepared.replace(Prepared::new(&driver.ice).ok());
            }
        });
    }

    fn connect(self: &Rc<Self>, link: LinkId) {
        let prepared = self.prepared.take().map_or_else(|| Prepared::new(&self.ice), Ok);
        match prepared {
            Ok(prepared) => {
                let connection = Connection::new(link, prepared, self.inbox());
                self.connections.borrow_mut().insert(link, connection);
            }
            Err(error) => self.inbox().put(Event::LinkLost { link, reason: super::reason(&error) }),
        }
    }

    fn with_keeper(self: &Rc<Self>, act: impl FnOnce(&Keeper, Inbox)) {
        if let Some(keeper) = &self.keeper {
            act(keeper, self.inbox());
        }
    }

    fn with_tabs(&self, act: impl FnOnce(&Tabs)) {
        let tabs = self.tabs.borrow().clone();
        if let Some(tabs) = tabs {
            act(&tabs);
        }
    }

    /// What the page has dialled is of no use to a page that follows another tab.
    fn hang_up(&self) {
        for socket in self.dialled.take().into_iter().flatten() {
            socket.close().ok();
        }
    }

    fn with_connection(&self, link: LinkId, act: impl FnOnce(&Connection)) {
        if let Some(connection) = self.connections.borrow().get(&link) {
            act(connection);
        }
    }

    fn set_alarm(self: &Rc<Self>) {
        let at = self.room.borrow().wake_at();
        let mut alarm = self.alarm.borrow_mut();
        let now = super::now();
        if alarm.as_ref().is_some_and(|(set, _)| *set <= at && *set > now) {
            return;
        }
        let inbox = self.inbox();
        let wait = (at - now).clamp(1.0, 60_000.0).ceil();
        let timeout = Timeout::new(wait as u32, move || inbox.put(Event::Wake));
        *alarm = Some((now + wait, timeout));
    }
}
