"""What goes wrong on the way, what came before, and what belongs to another conversation."""

import time

from between import Between

CHARGED = "I was charged twice for my broadband this month. When will I have my money back?"
REPLY = {"type": "suggestion", "kind": "reply", "confidence": 0.9, "evidence": [], "citations": []}
FORM = {
    "type": "suggestion", "kind": "form_values", "id": "form-1", "confidence": 0.9, "evidence": [], "title": "Refund",
    "values": [{"name": "account_number", "label": "The number of the account", "value": "LF902412"}],
}
ACTION = {
    "type": "suggestion", "kind": "next_best_action", "id": "action-1", "confidence": 0.9, "evidence": [],
    "action": {"action": "twice/refund", "label": "Refund the payment", "reason": "", "preconditions": [], "confidence": 0.9},
}


class Trouble:
    """Tests that need somebody between the browser and the server."""

    def between(self, conversation, query=""):
        """The desk, looking at a conversation through a server of ours."""
        between = Between(self.server.url)
        self.browser.open(f"{between.url}/desktop?access_token={self.server.key}&conversation={conversation}{query}")
        self.browser.find("#title")
        return between

    def staged(self, *events, **begin):
        """The desk, with a conversation whose events are ours: numbered from behind what is known."""
        conversation = self.begin(**begin)
        between = Between(self.server.url)
        stream = between.stream(conversation)
        self.last = self.server.call("GET", f"/v1/conversations/{conversation}")["last_event"]
        for event in events:
            self.tell(stream, event)
        # Nothing that is staged has to be known to the server.
        between.answer("POST", r"/v1/conversations/[^/]+/(feedback|actions/approve)", 202, {"id": "x", "version": 1}, None)
        self.browser.open(f"{between.url}/desktop?access_token={self.server.key}&conversation={conversation}")
        self.live()
        return conversation, between, stream

    def tell(self, stream, event):
        self.last += 1
        stream.put((self.last, event))

    def live(self, seconds=20):
        self.browser.wait(lambda: self.browser.text("#connection-words") == "Live", seconds, "to be live")

    def fed_back(self, between, conversation):
        sent = between.sent("POST", f"/v1/conversations/{conversation}/feedback")
        assert all(status == 202 for _, status in sent), sent
        return [(body["suggestion"], body["given"]) for body, _ in sent]

    # --- Tests ---

    def test_what_is_made_of_every_suggestion_is_told_after_the_end_too(self):
        b = self.browser
        conversation = self.begin()
        between = self.between(conversation)
        self.live()
        self.say(conversation, "end_user", CHARGED)
        reply = b.find("#cards .card-reply.is-open", 60).get_attribute("data-card")
        b.find(".action-title")
        b.find(f'[data-card="{reply}"] [data-action=edit]').click()
        b.find(f'[data-card="{reply}"] .card-edit').send_keys(" Thank you.")
        b.find(f'[data-card="{reply}"] [data-action=accept-edit]').click()
        b.find(f'[data-card="{reply}"].is-used')
        b.wait(lambda: self.fed_back(between, conversation) == [(reply, "edited")], 10, "the edited reply to be told")
        self.server.call("POST", f"/v1/conversations/{conversation}/end", {})
        b.wait(lambda: b.text("#connection-words") == "Ended", 30, "the end")
        b.find("[data-action=action-done]").click()
        b.wait(lambda: len(self.fed_back(between, conversation)) == 2, 10, "the action to be told")
        assert self.fed_back(between, conversation)[1][1] == "used"
        for card in b.all("#cards .card.is-open"):
            name = card.get_attribute("data-card")
            b.driver.execute_script("arguments[0].focus()", card)
            b.press("d")
            b.wait(lambda: (name, "dismissed") in self.fed_back(between, conversation), 10, "the card to be told")
        between.close()

    def test_what_was_used_or_put_aside_stays_so_after_a_reload(self):
        b = self.browser
        conversation = self.begin()
        between = self.between(conversation)
        self.live()
        self.say(conversation, "end_user", CHARGED)
        reply = b.find("#cards .card-reply.is-open", 60).get_attribute("data-card")
        title = b.text(".action-title")
        b.find(f'[data-card="{reply}"] [data-action=accept]').click()
        b.find(f'[data-card="{reply}"].is-used')
        b.find("[data-action=action-dismiss]").click()
        b.gone(".action-title")
        b.driver.refresh()
        b.find(f'[data-card="{reply}"].is-used')
        assert not [e for e in b.all(".action-title") if e.text == title], "the action is back"
        between.close()

    def test_a_reply_is_sent_once_however_often_its_key_is_pressed(self):
        b = self.browser
        replies = [{**REPLY, "id": f"reply-{n}", "text": f"Reply {n}."} for n in (1, 2)]
        conversation, between, _ = self.staged(*replies)
        b.find("[data-card=reply-1]")
        b.press("j", "a", "a", "a")
        b.find("[data-card=reply-2].is-used")
        time.sleep(1)
        said = between.sent("POST", f"/v1/conversations/{conversation}/utterances")
        assert [body["text"] for body, _ in said] == ["Reply 2."], said
        assert b.focused("return document.activeElement.dataset.card") == "reply-2", "the focus went away"
        between.close()

    def test_what_is_written_for_one_customer_stays_with_them(self):
        b = self.browser
        one, other = self.begin(), self.begin()
        self.desk(f"&conversation={one}")
        self.live()
        b.find("#composer-text").send_keys("Only for the first")
        b.press("Tab")
        b.press("3")
        b.find("#note-by-hand").click()
        b.find("#note-situation").send_keys("Of the first")
        b.find(f'#calls [href$="{other}"]').click()
        b.wait(lambda: b.find("#composer-text").get_attribute("value") == "", 10, "an empty field")
        b.press("3")
        b.find("#note-by-hand").click()
        assert b.find("#note-situation").get_attribute("value") == ""
        b.find("#note-situation").send_keys("Of the other")
        b.find(f'#calls [href$="{one}"]').click()
        b.wait(lambda: b.find("#composer-text").get_attribute("value") == "Only for the first", 10, "the words")
        b.press("3")
        assert b.find("#note-situation").get_attribute("value") == "Of the first"

    def test_a_note_saved_during_a_call_is_stored_at_its_end_wherever_one_looks(self):
        b = self.browser
        one, other = self.begin(), self.begin()
        self.desk(f"&conversation={one}")
        self.live()
        b.press("3")
        b.find("#note-by-hand").click()
        b.find("#note-situation").send_keys("Wants to move.")
        b.find("#note-save").click()
        b.wait(lambda: "as soon as" in b.find("#toast").text, 10, "to be told when it is saved")
        b.find(f'#calls [href$="{other}"]').click()
        self.live()
        self.server.call("POST", f"/v1/conversations/{one}/end", {})
        texts = lambda: [s["text"] for s in self.server.call("GET", f"/v1/conversations/{one}/summary")["sections"]]
        b.wait(lambda: texts() == ["Wants to move."], 30, "the note to be stored")

    def test_approvals_wait_for_each_other_and_those_that_are_over_stay_away(self):
        b = self.browser
        ask = {"type": "approval_requested", "by": "human_agent"}
        refund = {**ask, "source": "twice/refund", "question": "Refund £42?"}
        credit = {**ask, "source": "strategy/s-1/credit", "question": "Credit £5?"}
        conversation, between, stream = self.staged(refund, credit)
        assert b.text(".alert-question") == "Refund £42?"
        self.check_access("approval, light")
        b.colours("dark")
        self.check_access("approval, dark")
        b.colours("light")
        b.find("[data-action=approve-yes]").click()
        b.wait(lambda: b.text(".alert-question") == "Credit £5?", 10, "the second question")
        # Its button is not under the finger that pressed the first one.
        assert b.focused("return document.activeElement.id") == "approval"
        sent = between.sent("POST", f"/v1/conversations/{conversation}/actions/approve")
        assert [(body["source"], body["yes"]) for body, _ in sent] == [("twice/refund", True)], sent
        self.tell(stream, {"type": "strategy", "strategy": "s-1", "need": "n", "event": {"event": "step_started", "step": "credit"}})
        b.gone("#approval")
        # What somebody else has answered is refused, and goes.
        self.tell(stream, refund)
        b.find("#approval")
        between.rules.clear()
        b.press("x")
        b.gone("#approval", 15)
        # After a reload its event comes again: the server's view says that nobody is asked.
        stream.put((self.last, None))
        stream.put((1, refund))
        b.driver.refresh()
        self.live()
        time.sleep(1)
        assert not b.find("#title") or not any(e.is_displayed() for e in b.all("#approval")), "it is back"
        b.problems()
        between.close()

    def test_values_for_a_form_and_withdrawn_cards(self):
        b = self.browser
        first = {**REPLY, "type": "reply_begun", "id": "reply-1", "text": "One moment."}
        conversation, between, stream = self.staged(FORM, first, ACTION)
        assert "LF902412" in b.text("[data-card=form-1] .card-fields")
        b.find("[data-card=reply-1]")
        # The whole reply is the same words, and now it has a source.
        cited = {"article": "a", "title": "Refunds", "quote": "One moment."}
        self.tell(stream, {**first, "type": "suggestion", "citations": [cited]})
        b.wait(lambda: "Refunds" in b.text("[data-card=reply-1]"), 10, "the source")
        self.check_access("cards")
        b.find("[data-card=form-1] [data-action=accept]").click()
        b.find("[data-card=form-1].is-used")
        self.tell(stream, {"type": "withdrawn", "suggestion": "action-1"})
        b.gone(".action-title")
        # Events are gone, and the customer has said more meanwhile: the reply answers it no longer.
        view = self.server.call("GET", f"/v1/conversations/{conversation}")
        said = {"id": 1, "participant": "c", "role": "end_user", "text": "Never mind.", "start_ms": 0, "end_ms": 0}
        view["conversation"]["transcript"] = [said]
        self.last += 1
        stream.put((self.last, {**view, "last_event": self.last}))
        b.wait(lambda: "Never mind." in b.text("#talk-list"), 10, "what was said")
        b.gone("[data-card=reply-1]")
        assert b.find("[data-card=form-1]")
        between.close()

    def test_whoever_simply_answered_gives_the_conversation_back(self):
        b = self.browser
        conversation = self.begin(virtual_agent=True)
        self.say(conversation, "end_user", "I want to speak to a person, please.")
        self.desk(f"&conversation={conversation}")
        b.find("[data-action=handoff-accept]", 30)
        b.find("#composer-text").send_keys("Hello, how can I help?")
        b.press("Enter")
        b.find("[data-action=handoff-return]", 20)
        # It stands so after a reload, too.
        b.driver.refresh()
        b.find("[data-action=handoff-return]", 20)
        b.find("#handoff-note").send_keys("All is said.")
        b.find("[data-action=handoff-return]").click()
        b.gone("#handoff", 20)
        stage = self.server.call("GET", f"/v1/conversations/{conversation}")["dialogue"]["transfers"][-1]["stage"]
        assert stage["stage"] == "returned", stage

    def test_a_key_that_is_taken_no_more_is_asked_for_and_work_goes_on(self):
        b = self.browser
        conversation = self.begin()
        between = self.between(conversation, "&silence=3")
        self.live()
        between.refuses = True
        b.find("#sign-in[open] #key", 30)
        # It does not go away by Escape, pressed twice either: nothing would work, and nothing would say so.
        b.press("Escape", "Escape", "Escape")
        time.sleep(0.5)
        between.refuses = False
        b.find("#sign-in[open] #key").send_keys(self.server.key)
        b.press("Enter")
        b.gone("#sign-in[open]")
        self.live(30)
        self.say(conversation, "end_user", "Are you there?")
        b.wait(lambda: "Are you there?" in b.text("#talk-list"), 20, "what is said afterwards")
        assert all("401" in problem for problem in b.problems())
        between.close()

    def test_a_conversation_that_is_not_there_is_told(self):
        b = self.browser
        self.desk("&conversation=nobody")
        b.wait(lambda: "no such conversation" in b.text("#talk-empty"), 10, "to be told")
        assert b.text("#connection-words") == "Offline"
        assert not any(e.is_displayed() for e in b.all("#composer"))
        assert all("404" in problem for problem in b.problems())

    def test_a_server_that_has_too_much_to_do_is_asked_again(self):
        b = self.browser
        conversation = self.begin()
        busy = {"title": "Rate limited", "detail": "too many requests", "kind": "rate_limited", "retryable": True}
        between = Between(self.server.url)
        between.answer("GET", f"/v1/conversations/{conversation}", 429, busy, 2, {"Retry-After": "1"})
        between.answer("POST", f"/v1/conversations/{conversation}/utterances", 503, busy, 2, {"Retry-After": "1"})
        b.open(f"{between.url}/desktop?access_token={self.server.key}&conversation={conversation}")
        b.wait(lambda: "too much to do" in b.text("#talk-empty"), 10, "to be told")
        self.live()
        b.find("#composer-text").send_keys("Good morning.")
        b.press("Enter", "Enter")
        b.wait(lambda: "Good morning." in b.text("#talk-list .right"), 20, "the words")
        time.sleep(1)
        assert len(b.all("#talk-list .said")) == 1, "it was said twice"
        assert all("429" in problem or "503" in problem for problem in b.problems())
        between.close()

    def test_a_connection_that_says_nothing_is_taken_up_again(self):
        b = self.browser
        conversation = self.begin()
        between = self.between(conversation, "&silence=1")
        self.live()
        self.say(conversation, "end_user", "Hello?")
        streams = lambda: len(between.sent("GET", f"/v1/conversations/{conversation}/events"))
        b.wait(lambda: streams() >= 2, 20, "a second stream")
        self.say(conversation, "end_user", "Anybody?")
        b.wait(lambda: "Anybody?" in b.text("#talk-list"), 20, "what was said meanwhile")
        assert len(b.all("#talk-list .said")) == 2
        between.close()

    def test_a_browser_that_keeps_nothing_works_until_it_is_closed(self):
        b = self.browser
        conversation = self.begin()
        blocked = """for (const name of ["sessionStorage", "localStorage"]) Object.defineProperty(window, name, {
            get() { throw new DOMException("blocked", "SecurityError"); } });"""
        added = b.driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": blocked})
        try:
            self.desk(f"&conversation={conversation}")
            self.live()
            self.say(conversation, "end_user", CHARGED)
            b.find("[data-action=action-dismiss]", 30).click()
            b.gone("[data-action=action-dismiss]")
            b.find("#theme").click()
        finally:
            b.driver.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", added)

    def test_what_somebody_reads_or_opens_is_left_alone_while_more_comes(self):
        b = self.browser
        felt = {"utterance": 1, "valence": -0.6, "arousal": 0.5, "felt": {"anger": 0.8}}
        said = {"type": "utterance_final", "participant": "c", "role": "end_user", "start_ms": 1000, "end_ms": 2000}
        conversation, between, stream = self.staged(
            {**said, "id": 1, "text": "I am cross."}, {"type": "emotion", "participant": "c", "state": felt, "events": []},
            customer={"keys": {"email": "z@example.org"}, "profile": {
                "id": "z", "display_name": "Zoe Lane", "attributes": {}, "history": []}})
        b.find("#mood summary").click()
        select = "getSelection().selectAllChildren(document.querySelector('.customer-name')); return String(getSelection());"
        assert b.driver.execute_script(select) == "Zoe Lane"
        self.tell(stream, {**said, "id": 2, "text": "Very.", "start_ms": 3000, "end_ms": 4000})
        b.wait(lambda: "Very." in b.text("#talk-list"), 10, "the words")
        assert b.driver.execute_script("return String(getSelection())") == "Zoe Lane", "the selection is gone"
        assert b.focused("return document.activeElement.dataset.action") == "mood-table", "the focus is gone"
        assert b.find("#mood details[open]")
        between.close()

    def test_words_from_right_to_left_and_words_without_an_end(self):
        b = self.browser
        conversation = self.begin(customer={"keys": {"email": "y@example.org"}, "profile": {
            "id": "y", "display_name": "ש" * 60, "attributes": {"a": "x" * 400}, "history": ["y" * 400]}})
        self.say(conversation, "end_user", "مرحبا، لم يصلني الطلب!")
        self.say(conversation, "end_user", "z" * 3000)
        self.desk(f"&conversation={conversation}")
        b.find("#talk-list .said-words")
        first, last = b.driver.execute_script(
            """const text = document.querySelector("#talk-list .said-words").firstChild;
               const at = (n) => { const r = document.createRange(); r.setStart(text, n); r.setEnd(text, n + 1);
                                   return r.getBoundingClientRect().left; };
               return [at(0), at(text.length - 1)];""")
        assert last < first, "the sign at the end stands where the sentence begins"
        for selector in ("#talk", "#customer", "html"):
            wide = b.driver.execute_script(
                "const e = document.querySelector(arguments[0]); return e.scrollWidth - e.clientWidth;", selector)
            assert wide <= 0, f"{selector} is {wide} px too wide"

    def test_who_cannot_see_hears_what_the_customer_writes(self):
        b = self.browser
        conversation = self.begin()
        self.say(conversation, "end_user", "From before.")
        self.desk(f"&conversation={conversation}")
        self.live()
        self.say(conversation, "end_user", "Where is my parcel?")
        announced = "return document.getElementById('announcer').textContent"
        b.wait(lambda: "Where is my parcel?" in b.driver.execute_script(announced), 10, "the words")
        assert "From before." not in b.driver.execute_script(announced)
        # The way past everything leads to the suggestions, whatever is shown in their place.
        b.press("3")
        b.driver.execute_script("document.querySelector('.skip').focus()")
        b.press("Enter")
        assert b.focused("return document.activeElement.id") == "assist"
