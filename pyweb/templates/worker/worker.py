"""The worker: a thread of its own, with a Python of its own. It reaches the page's document all the same."""

from pyscript import document

__export__ = ["count"]


def is_prime(number):
    if number % 2 == 0 or number < 3:
        return number == 2
    divisor = 3
    while divisor * divisor <= number:
        if number % divisor == 0:
            return False
        divisor += 2
    return True


def count(limit):
    """How many primes there are up to the limit; tells the page how far it is."""
    found, step = 0, max(limit // 50, 1)
    for number in range(limit + 1):
        found += is_prime(number)
        if number % step == 0:
            document.querySelector("#at").textContent = str(number)
            document.querySelector("#progress").value = number / limit if limit else 1
    return found
